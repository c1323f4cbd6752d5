"""Networks as files for others: ONNX, also in float16 and in 8 bits."""
