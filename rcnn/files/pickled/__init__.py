"""Reads dicts in pickles without running them: numbers, text, lists, tuples, dicts and numpy arrays, and nothing else.

Nothing is imported or called by a name in the file. A name that is not one of the few in `arrays.NAMES`, and an opcode
that is not in `opcodes.ARGUMENTS`, ends the reading. Memory use is small whatever the file contains: the items of the
dict are returned one by one, and only those memo entries are kept that the pickle refers to later.
"""

from .memo import Place
from .opcodes import find_far
from .reader import PickledDict

__all__ = ["PickledDict", "Place", "find_far"]
