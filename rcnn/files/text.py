"""Text that came from strangers."""

from __future__ import annotations

JOINERS = "\u200c\u200d"  # can't be seen, but Persian, Hindi and emoji are written with them


def printable(text: str) -> str:
    """The text with a replacement mark for everything that can't be seen, such as line breaks and changes of direction.

    Names come from strangers: what is printed must not move the cursor of a terminal or turn a line around.
    """
    return "".join(character if character.isprintable() or character in JOINERS else "\ufffd" for character in text)
