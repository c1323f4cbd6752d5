"""The API of `from rcnn import ...`: classes and functions in the style of insightface and facenet-pytorch."""
