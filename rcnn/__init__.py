"""Finding people in video: detection, alignment, embedding, classification, ranking."""
