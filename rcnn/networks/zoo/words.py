"""Words that settings and cards of models share: the values of --licence, and the order of colours."""

ANY, COMMERCIAL = "any", "commercial"
RGB, BGR = "rgb", "bgr"
LICENCES = (ANY, COMMERCIAL)
