"""Settings of the stages, of which their command lines are made; nothing heavy is loaded."""

from .clips import DetectSettings, GendataSettings, PreviewSettings, SheetSettings
from .ranking import PredictSettings, SearchSettings, SubmitSettings
from .vectors import FeatureSettings, GenfeatSettings, MergeSettings, TrainSettings

__all__ = [
    "DetectSettings",
    "FeatureSettings",
    "GendataSettings",
    "GenfeatSettings",
    "MergeSettings",
    "PredictSettings",
    "PreviewSettings",
    "SearchSettings",
    "SheetSettings",
    "SubmitSettings",
    "TrainSettings",
]
