"""The page in a real browser: search, order, keyboard, nothing from the network, no fault that axe-core finds."""

from __future__ import annotations

import numpy as np
import pytest

from rcnn.report import Entry, Person, Report, write_page
from rcnn.report.coverage import read_coverage
from rcnn.report.pictures import encode
from rcnn.tables import StageReader

CARDS = "#cards > article"


@pytest.fixture(params=["light", "dark"])
def scheme(request) -> str:
    return request.param


@pytest.fixture
def page(browser, report, scheme):
    """The report, opened from the disk; what it logs and asks for is kept, and must be nothing."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1100, "height": 800})
    tab = context.new_page()
    heard: list[str] = []
    tab.on("console", lambda message: heard.append(message.text))
    tab.on("pageerror", lambda error: heard.append(str(error)))
    tab.on("request", lambda request: heard.append(request.url))
    tab.goto(report.as_uri())
    yield tab
    # pictures lie in the page, so the page is all that was asked for
    assert [line for line in heard if not line.startswith("data:")] == [report.as_uri()]
    context.close()


def shown(page) -> list[str]:
    """Labels of the cards that can be seen, from top to bottom."""
    return page.eval_on_selector_all(CARDS, "nodes => nodes.filter(n => n.offsetParent).map(n => n.dataset.label)")


def test_search_by_name_and_by_label(page):
    assert shown(page) == ["1", "2", "3", "4", "5"]
    search = page.get_by_label("Name or label")
    search.fill("zoe")  # without the dots
    assert shown(page) == ["3"]
    assert page.locator("#status").inner_text() == "1 of 5 people"
    search.fill("2")
    assert shown(page) == ["2"]
    search.fill("<SCRIPT")
    assert shown(page) == ["1"]
    search.fill("no such person")
    assert shown(page) == []
    assert page.get_by_text("Nobody has such a name").is_visible()
    search.press("Escape")
    assert shown(page) == ["1", "2", "3", "4", "5"]


def test_order_by_average_precision_and_name(page):
    order = page.get_by_label("Sort by")
    order.select_option("worst")
    values = page.eval_on_selector_all(CARDS, "nodes => nodes.map(n => Number(n.dataset.ap))")
    assert values == sorted(values) and values[0] < values[-1]
    worst = shown(page)
    order.select_option("best")
    values = page.eval_on_selector_all(CARDS, "nodes => nodes.map(n => Number(n.dataset.ap))")
    assert values == sorted(values, reverse=True)
    order.select_option("name")
    assert shown(page) != worst
    order.select_option("label")
    assert shown(page) == ["1", "2", "3", "4", "5"]


def test_everything_can_be_done_with_the_keyboard(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the people"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "people"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("4")
    assert shown(page) == ["4"]
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "order"
    page.keyboard.press("/")  # from a list the key means the list
    assert page.evaluate("document.activeElement.id") == "order"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    assert page.input_value("#search") == ""


def test_focus_can_be_seen(page):
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_names_are_text_and_never_markup(page):
    assert page.title().startswith("Who is in which clip")
    assert page.locator("b", has_text="evil").count() == 0
    assert page.locator("script").count() == 1
    heading = page.locator("#label-1-name").inner_text()
    assert heading == "<script>document.title = 'broken'</script>"
    assert page.get_by_text("zz_<b>&'\"evil.mp4").first.is_visible()


def test_right_and_wrong_differ_in_more_than_colour(page):
    right, wrong = page.locator(".face.right").first, page.locator(".face.wrong").first
    assert right.locator(".badge").inner_text() != wrong.locator(".badge").inner_text()
    style = "node => getComputedStyle(node.querySelector('.frame')).borderTopStyle"
    assert right.evaluate(style) != wrong.evaluate(style)
    assert "wrong" in wrong.inner_text()


@pytest.mark.parametrize("width", [360, 1100])
def test_nothing_sticks_out_and_axe_finds_no_fault(page, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for summary in page.locator("summary").all():
        summary.click()
    # axe itself is not of the page, whose policy forbids other scripts; a debugger may run it all the same
    found = axe.Axe().run(page).response["violations"]
    faults = [(fault["id"], fault["impact"], [node["html"][:200] for node in fault["nodes"]]) for fault in found]
    assert faults == []


def test_colours_follow_the_system(page, scheme):
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(int(part) for part in back.removeprefix("rgb(").removesuffix(")").split(",")) > 3 * 128
    assert light == (scheme == "light")


def test_the_page_of_a_search_has_no_fault_either(browser, run, tmp_path, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    entries = [Entry(f"<i>{rank}.mp4", rank, 1 / rank, note="label 3 (Zoë)") for rank in range(1, 30)]
    card = Person(None, "<photo>.jpg", ranked=99, entries=entries, known=[encode(np.full((112, 112, 3), 90, np.uint8))])
    coverage = read_coverage(StageReader(str(run.root / "det"), ("detect",)))[0]
    write_page(
        str(tmp_path / "s.html"),
        Report("Which clips show <photo>.jpg", ["a"], "similarity", coverage=[coverage], people=[card], all_people=1),
    )
    tab = browser.new_page(color_scheme=scheme)
    tab.goto((tmp_path / "s.html").as_uri())
    assert tab.get_by_role("heading", name="<photo>.jpg", exact=True).count() == 1
    assert tab.get_by_label("Name or label").count() == 0  # there is one card
    assert tab.get_by_alt_text("face in").count() == 0 and tab.get_by_text("no picture").count() == 29
    assert axe.Axe().run(tab).response["violations"] == []
    tab.close()
