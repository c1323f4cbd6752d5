"""Names of the numeric precisions of networks."""

FP32, FP16, INT8 = "fp32", "fp16", "int8"  # --precision
BF16 = "bf16"  # for a teacher on the CPU: its targets change less than between two views of a face
PRECISIONS = (FP32, FP16, INT8)
