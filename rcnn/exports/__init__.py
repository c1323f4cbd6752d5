"""Exports for other programs: networks as ONNX (float32, float16, 8 bits), appearances for editors and players."""
