"""Dicts in pickles, read without running them: numbers, text, lists, tuples, dicts and numpy arrays, and nothing else.

Nothing is imported or called by a name in the file. A name that is not one of the few in `arrays.NAMES`, and an opcode
that is not in `opcodes.ARGUMENTS`, ends the reading. It takes little memory whatever the file holds: the items of the
dict are handed on one by one, and of what a pickle remembers only that is kept which it comes back to.
"""

from .memo import Place
from .opcodes import find_far
from .reader import PickledDict

__all__ = ["PickledDict", "Place", "find_far"]
