"""The data set: its clips, their files, and who is in them."""
