"""The numbers that a network multiplies."""

FP32, FP16, INT8 = "fp32", "fp16", "int8"  # --precision
BF16 = "bf16"  # of a teacher on the CPU: its targets differ by less than two views of a face
PRECISIONS = (FP32, FP16, INT8)
