"""Settings of the stages, of which their command lines are made; nothing heavy is loaded."""

from .appearances import AppearanceFileSettings, AppearancesSettings
from .clips import DetectSettings, GendataSettings, PreviewSettings, SheetSettings
from .find import FindSettings
from .official import ImportSettings
from .ranking import IndexSettings, PredictSettings, SearchSettings, SubmitSettings
from .vectors import FeatureSettings, GenfeatSettings, MergeSettings, TrainSettings

__all__ = [
    "AppearanceFileSettings",
    "AppearancesSettings",
    "DetectSettings",
    "FeatureSettings",
    "FindSettings",
    "GendataSettings",
    "GenfeatSettings",
    "ImportSettings",
    "IndexSettings",
    "MergeSettings",
    "PredictSettings",
    "PreviewSettings",
    "SearchSettings",
    "SheetSettings",
    "SubmitSettings",
    "TrainSettings",
]
