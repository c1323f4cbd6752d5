"""Kills between two operations on files."""

from __future__ import annotations

import os

import pytest

CALLS = ("rename", "replace", "remove", "unlink", "rmdir", "mkdir")


class Killed(BaseException):
    """As `kill -9`: what tidies up fails, too."""


def kill_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """The step-th operation on files, and all that follow, don't happen; and nothing waits for the disk."""
    count = 0

    def guarded(real):
        def call(*args, **options):
            nonlocal count
            count += 1
            if count >= step:
                raise Killed(step)
            return real(*args, **options)

        return call

    for name in CALLS:
        patch.setattr(os, name, guarded(getattr(os, name)))
    patch.setattr(os, "fsync", lambda descriptor: None)
