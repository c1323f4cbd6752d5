"""A real browser, for tests of pages."""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NEEDED = "RCNN_NEEDS_BROWSER"  # set by .ci/run, where a missing browser is a failure
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def launched() -> Iterator[object]:
    """A headless Chromium; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    missing = "no Chromium is installed" if program is None else None
    if importlib.util.find_spec("playwright") is None:
        missing = "playwright is not installed (requirements-dev.txt)"
    if missing:
        (pytest.fail if os.environ.get(NEEDED) else pytest.skip)(missing)
    # launch makes a new profile in a temporary directory and takes it away again
    browser = _playwright().chromium.launch(executable_path=program, args=FLAGS)
    yield browser
    browser.close()


@cache
def _playwright() -> object:
    """Playwright's driver; a process may have one, and files of tests share the process."""
    from playwright.sync_api import sync_playwright

    running = sync_playwright().start()
    atexit.register(running.stop)
    return running
