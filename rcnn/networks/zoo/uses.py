"""What models are wanted for: the values of --licence."""

ANY, COMMERCIAL = "any", "commercial"
LICENCES = (ANY, COMMERCIAL)
