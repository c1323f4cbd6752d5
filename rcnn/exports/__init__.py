"""Files for others: networks as ONNX, also in float16 and in 8 bits; appearances for editors, players and scripts."""
