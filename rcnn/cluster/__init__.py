"""Work on groups of clips by crews: threads of this process, processes of this machine, or actors of a Ray cluster."""

from .crew import Crew, Job, ThreadCrew, open_crew
from .plan import Plan

__all__ = ["Crew", "Job", "Plan", "ThreadCrew", "open_crew"]
