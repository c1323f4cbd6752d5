"""The data set: which clips there are, where they lie, and who is in them."""
