"""A real browser, for tests of pages."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

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
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # launch makes a new profile in a temporary directory and takes it away again
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()
