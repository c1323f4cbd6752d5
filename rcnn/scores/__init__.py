"""Rankings, quality measures, verification, operating points."""
