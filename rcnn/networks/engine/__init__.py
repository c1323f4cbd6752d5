"""Runs networks on devices: OpenVINO and ONNX Runtime on the CPU, PyTorch and ONNX Runtime on CUDA."""

from ..precision import FP16, FP32, INT8
from .images import NO_MEAN
from .load import load_network
from .network import CPU, ENGINES, Network, check_devices, check_precision, choose_device, hurry_single_images

__all__ = [
    "CPU",
    "ENGINES",
    "FP16",
    "FP32",
    "INT8",
    "NO_MEAN",
    "Network",
    "check_devices",
    "check_precision",
    "choose_device",
    "hurry_single_images",
    "load_network",
]
