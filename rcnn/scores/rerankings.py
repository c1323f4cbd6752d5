"""Ways in which clips that are alike give each other their scores, see `diffusion`."""

EXPANSION, RECIPROCAL, DIFFUSION = RERANKINGS = "expansion", "reciprocal", "diffusion"
