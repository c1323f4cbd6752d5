"""The numbers that a network multiplies."""

FP32, FP16, INT8 = "fp32", "fp16", "int8"  # --precision
PRECISIONS = (FP32, FP16, INT8)
