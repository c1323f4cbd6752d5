"""Images to faces, crops, embeddings, tracks."""
