"""From images to faces: all detector families behind one interface."""

from .single_stage import Detector

__all__ = ["Detector"]
