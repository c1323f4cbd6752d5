"""From images to faces, crops, embeddings and tracks."""
