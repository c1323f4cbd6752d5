"""What `from rcnn import ...` gives: classes and functions for people who know insightface or facenet-pytorch."""
