"""Images to faces: every family of detectors behind one interface."""

from .single_stage import Detector

__all__ = ["Detector"]
