"""Values shared by settings and model cards: --licence and colour order."""

ANY, COMMERCIAL = "any", "commercial"
RGB, BGR = "rgb", "bgr"
LICENCES = (ANY, COMMERCIAL)
