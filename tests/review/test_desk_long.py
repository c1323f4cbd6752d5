"""Lists of 50,000 tracks in a real browser: few rows exist while they scroll, and what is in view is filled. 10 s.

`pytest -s` prints how long frames take; a busy machine draws some late, so nothing depends on it here.
"""

from __future__ import annotations

import pytest
from chromium import launched
from endless_desk import HERE, EndlessDesk

TRACKS = 50_000
AT_ONCE = 5_000  # tracks of a film or of a group, which come in one answer
ROWS = 60  # that exist at once, at most: those in view and 400 pixels above and below
# scrolls some frames long through the whole list by steps of a wheel and far jumps; gives milliseconds between frames
SCROLL = """async ([selector, steps]) => {
  const box = document.querySelector(selector) ?? document.scrollingElement;
  const times = [];
  let last = await new Promise(requestAnimationFrame);
  for (let step = 0; step < steps; step += 1) {
    box.scrollTop = step % 40 === 39 ? ((step * 7919) % steps) / steps * box.scrollHeight : box.scrollTop + 300;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  return times;
}"""
STEPS = 120


@pytest.fixture(scope="module")
def tab():
    with launched() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        EndlessDesk(TRACKS, AT_ONCE, tuple(f"Person {number}" for number in range(1000))).serve(context)
        yield context.new_page()


@pytest.mark.parametrize("view", ["person/1", "unknown", "film/clip1/0"])
def test_a_long_list_makes_the_rows_in_view_alone(tab, view):
    tab.goto(f"{HERE}/#/{view}")
    tab.reload()
    rows = tab.locator(".virtual .row:not(.blank)")
    rows.first.wait_for()
    times = sorted(tab.evaluate(SCROLL, [".queue", STEPS]))
    middle, most = times[STEPS // 2], times[STEPS * 95 // 100]
    print(f"{view}: median {middle:.1f} ms, 95% under {most:.1f}, longest {times[-1]:.1f}")
    assert rows.count() <= ROWS * 3
    tab.wait_for_function("() => !document.querySelector('.virtual .blank')")  # what is in view was filled


def test_the_end_of_a_long_list_is_reached(tab):
    tab.goto(f"{HERE}/#/person/1")
    tab.reload()
    tab.locator(".queue [aria-selected=true]").wait_for()
    tab.get_by_role("listbox", name="Tracks").focus()
    tab.keyboard.press("End")
    last = tab.locator(f".queue [aria-posinset='{TRACKS}'][aria-selected=true]")
    last.wait_for()
    assert last.is_visible()
    tab.get_by_text("50,000 of 50,000").wait_for()
