"""The page by appearances in a real browser: it plays, by mouse and by keyboard, on screen and on paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from dated_run import OLD, TWO

from rcnn.report import gather_report, trace, write_page
from rcnn.tables import StageReader

PLAYING = "() => { const v = document.querySelector('video'); return v.currentTime > 0 && v.readyState > 1 }"
VIDEO = "document.querySelector('video')"


@pytest.fixture(scope="module")
def dated_page(dated) -> Path:
    """A page of the table, beside the data set."""
    path = dated.parent / "page.html"
    reader = StageReader(str(dated), ("appearances",))
    lineage = trace([reader])
    truth = {1: [OLD], 2: [TWO]}
    report = gather_report("Who is where", {}, truth, {1: "Zoë", 2: "Bob"}, lineage, 99, reader, str(path))
    write_page(str(path), report)
    return path


@pytest.fixture
def tab(browser, dated_page, request):
    """The page, opened from the disk; what it asks for beyond it is kept, and must be a clip of the data set."""
    scheme, width = getattr(request, "param", ("light", 1100))
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    tab = context.new_page()
    heard: list[str] = []
    tab.on("console", lambda message: heard.append(message.text))
    tab.on("pageerror", lambda error: heard.append(str(error)))
    tab.on("request", lambda request: heard.append(request.url))
    tab.goto(dated_page.as_uri())
    yield tab
    gone = "Failed to load resource: net::ERR_FILE_NOT_FOUND"  # of the one test that takes the file away
    clips = (dated_page.parent / "data/IQIYI_VID_TEST" / TWO).as_uri()
    assert {line for line in heard if not line.startswith("data:")} <= {dated_page.as_uri(), clips, gone}
    context.close()


def test_a_click_plays_the_clip_from_that_second(tab):
    tab.get_by_role("link", name="0:03-0:04").first.click()
    tab.wait_for_function(PLAYING)
    assert tab.evaluate(f"{VIDEO}.currentTime") >= 3
    assert tab.locator("#player-title").inner_text() == (
        "Zoë in IMG_0042_which_has_a_very_long_name_indeed.MOV, 0:03-0:04"
    )
    assert tab.locator("#player code").inner_text().startswith("ffplay -ss 3 -t 0.60 ")
    assert not tab.locator(".trouble").is_visible()
    tab.get_by_role("button", name="Close").click()
    assert not tab.locator("#player").is_visible() and tab.evaluate(f"{VIDEO}.getAttribute('src')") is None


def test_the_keyboard_alone_plays_and_comes_back(tab):
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")  # skips to the people
    for _ in range(20):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.textContent") == "0:01-0:02":
            break
    tab.keyboard.press("Enter")
    tab.wait_for_function(PLAYING)
    assert tab.evaluate(f"{VIDEO}.currentTime") >= 1
    tab.keyboard.press("Escape")
    assert tab.evaluate("document.activeElement.textContent") == "0:01-0:02"
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")  # the clip of an old kind
    tab.keyboard.press("Enter")
    assert tab.locator("#player").is_visible()


def test_what_a_browser_does_not_play_has_a_command_to_copy(tab):
    tab.get_by_role("button", name="0:00-0:01").first.click()
    assert tab.locator(".trouble").is_visible() and not tab.locator("#player video").is_visible()
    command = tab.locator("#player code").inner_text()
    assert command.startswith("ffplay -ss 0 -t 1.00 /") and command.endswith(OLD)
    tab.get_by_role("button", name="Copy the command").click()
    tab.wait_for_function("document.querySelector('#player [role=status]').textContent !== ''")


def test_a_file_that_is_gone_since_shows_the_command_too(tab, dated_page):
    clip = dated_page.parent / "data/IQIYI_VID_TEST" / TWO
    clip.rename(clip.with_suffix(".away"))
    try:
        tab.get_by_role("link", name="0:01-0:02").first.click()
        tab.locator(".trouble").wait_for(state="visible")
    finally:
        clip.with_suffix(".away").rename(clip)


def test_the_view_by_clip_has_faces_bars_and_leads_to_the_card(tab):
    assert not tab.locator("#clips").is_visible()
    tab.get_by_role("button", name="By clip").click()
    assert tab.locator("#status").inner_text() == "2 of 2 clips" and not tab.locator("#cards").is_visible()
    panel = tab.locator("#panels > article").first
    assert panel.locator(".small img").count() == 2
    track, bar = (
        panel.locator(f"li[data-who='1'] {which}").bounding_box() for which in (".track", ".track i >> nth=0")
    )
    assert bar["x"] - track["x"] == pytest.approx(track["width"] / 4, abs=2)
    assert bar["width"] == pytest.approx(track["width"] / 4, abs=2)
    panel.locator("li[data-who='1'] .track i").nth(1).click()
    tab.wait_for_function(PLAYING)
    assert tab.evaluate(f"{VIDEO}.currentTime") >= 3
    tab.keyboard.press("Escape")
    panel.get_by_role("link", name="Bob").click()
    assert tab.locator("#label-2").is_visible()


def test_search_finds_people_and_files(tab):
    search = tab.get_by_label("Name, label or file")
    search.fill("1998")
    assert tab.locator("#status").inner_text() == "1 of 2 people"
    tab.get_by_role("button", name="By clip").click()
    assert tab.locator("#status").inner_text() == "1 of 2 clips"
    search.fill("bob")
    assert tab.locator("#panels > article:visible").count() == 1


def test_order_by_clips(tab):
    tab.get_by_label("Sort by").select_option("most")
    assert tab.eval_on_selector_all("#cards > article", "all => all.map(one => one.dataset.label)") == ["1", "2"]


def test_measures_are_folded_and_open_on_paper(tab, tmp_path):
    assert not tab.get_by_text("Every clip found first").is_visible()
    tab.evaluate(
        "addEventListener('beforeprint', () => window.onPaper = document.querySelectorAll('.fold[open]').length)"
    )
    tab.pdf(path=tmp_path / "page.pdf", format="A4")
    assert tab.evaluate("window.onPaper") == tab.locator(".fold").count() >= 2
    assert tab.locator(".fold[open]").count() == 0
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    tab.emulate_media(media="print")
    for part in (".card", ".seen > li"):
        assert tab.locator(part).first.evaluate("node => getComputedStyle(node).breakInside") == "avoid"


@pytest.mark.parametrize("tab", [(s, w) for s in ("light", "dark") for w in (390, 1600)], indirect=True)
def test_both_views_fit_and_axe_finds_no_fault(tab):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    width = tab.viewport_size["width"]
    tab.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    for view in ("By person", "By clip"):
        tab.get_by_role("button", name=view).click()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        found = axe.run(tab).response["violations"]
        assert [(fault["id"], [node["html"][:200] for node in fault["nodes"]]) for fault in found] == []
    tab.locator("#panels .play").first.click()
    assert axe.run(tab).response["violations"] == []


def test_without_scripts_both_views_stand_there_and_times_lead_to_the_file(browser, dated_page):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(dated_page.as_uri())
    assert tab.locator("#cards").is_visible() and tab.locator("#clips").is_visible()
    assert tab.get_by_role("link", name="0:01-0:02").first.get_attribute("href").endswith(f"{TWO}#t=1,2")
    context.close()
