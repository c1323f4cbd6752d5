"""Work on groups of clips by crews: threads of this process, processes on this machine, or actors of a Ray cluster."""

from .crew import Crew, ThreadCrew, open_crew
from .jobs import Job
from .plan import Plan

__all__ = ["Crew", "Job", "Plan", "ThreadCrew", "open_crew"]
