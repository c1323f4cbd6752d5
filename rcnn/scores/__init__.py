"""How good it is: rankings, measures of them, verification, operating points."""
