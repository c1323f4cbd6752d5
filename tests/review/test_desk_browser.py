"""The desk in a real browser, on a run of drawn people: from an unknown group to a named person and her clips.

About 30 seconds, a third of them for the run.
"""

from __future__ import annotations

import shutil

import pytest
from chromium import launched
from desk_run import EVIL, EVIL_FILM, KNOWN, OLD_FILM, write_desk_run
from desk_server import DeskServer
from drawn_people import portrait

WIDTHS = (390, 768, 1280, 1600)
TIMEOUT = 20_000  # milliseconds, on a busy machine
OF_EVE = 5  # tracks of the unknown person who is in most films
PLAYING = "() => { const v = document.querySelector('video'); return !v.hidden && v.currentTime > 0 && !v.paused }"
SELECTED = "document.querySelector('.queue [aria-selected=true] .file').textContent"
TAKE_BACK = """async () => {
  const window = sessionStorage.getItem("desk-window");
  for (let number = 0; ; number += 1) {
    const body = JSON.stringify({ token: `${window}-back-${number}`, window, kind: "undo" });
    const headers = { "X-Desk": "1", "Content-Type": "application/json" };
    const said = await fetch("/api/answer", { method: "POST", headers, body });
    if (!(await said.json()).step) return;
  }
}"""


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A finished run."""
    return write_desk_run(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def server(browser, found):
    desk = DeskServer(found)
    yield desk
    desk.stop()


@pytest.fixture
def context(browser, server):
    """A browser that knows the key; what is answered in it is taken back, and it must not complain."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(TIMEOUT)
    context.faults = []
    context.on("console", lambda message: context.faults.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: context.faults.append(str(error.error)))
    context.on("dialog", lambda dialog: context.faults.append(f"dialog {dialog.message}"))
    yield context
    for tab in context.pages:
        if tab.url.startswith(server.origin):
            tab.evaluate(TAKE_BACK)
    assert context.faults == []
    context.close()


@pytest.fixture
def tab(context, server):
    return open_tab(context, server)


def open_tab(context, server, view=""):
    tab = context.new_page()
    tab.goto(server.address)
    tab.locator(".tiles .tile").first.wait_for()
    if view:
        go(tab, view)
    return tab


def go(tab, view):
    tab.evaluate("view => { location.hash = view }", f"#/{view}")
    tab.locator(f"main.view-{view.split('/')[0] or 'start'}").wait_for()


def label(tab, name):
    return tab.evaluate(
        "name => fetch('/api/state').then(r => r.json()).then(s => s.people.find(p => p.name === name).label)", name
    )


def groups(tab):
    return tab.evaluate("() => fetch('/api/groups?count=9').then(r => r.json())")["items"]


def settled(tab):
    """Wait until the server has everything that was answered."""
    tab.wait_for_function("() => !Object.keys(localStorage).some(key => key.startsWith('desk-answer:'))")


def current(tab):
    return tab.locator(".queue [aria-selected=true] .file").inner_text()


def heading(tab, words):
    """Wait for the view whose heading has these words and no others."""
    tab.wait_for_function("words => document.querySelector('main h1')?.innerText === words", arg=words)


def person(tab, name):
    go(tab, f"person/{label(tab, name)}")
    tab.locator(".queue [aria-selected=true]").wait_for()


def views(tab):
    """Addresses of all views."""
    first = groups(tab)[0]["faces"][0]
    films = tab.evaluate("() => fetch('/api/films?count=99').then(r => r.json())")["items"]
    clip = next(film["clip"] for film in films if film["source"].endswith("two.mp4"))
    mine = label(tab, "Ada")
    return (
        "", f"person/{mine}", "unknown", "hidden", f"group/{first['clip']}/{first['track']}", "films", f"film/{clip}/0",
        "search",
    )  # fmt: skip


def test_from_an_unknown_group_to_a_person_and_her_clips(tab):
    tab.get_by_role("link", name="Unknown", exact=True).click()
    group = tab.locator("li.group").first
    group.locator("img").first.wait_for()
    tracks = int(group.locator("p").inner_text().split()[0])
    assert tracks > 1 and group.locator("img").count() == tracks
    group.get_by_role("button", name="Name group 1").click()
    tab.get_by_role("combobox", name="Name").fill("Zoë Quinn")
    tab.get_by_role("option", name="Zoë Quinn").click()
    tab.locator("#said a").click()
    heading(tab, "Zoë Quinn")
    tab.get_by_role("button", name="All").click()
    tab.locator(".queue .row").first.wait_for()
    tab.wait_for_function("n => document.querySelectorAll('.queue .row.yes').length >= n", arg=tracks)
    files = set(tab.locator(".queue .file").all_inner_texts())
    assert files >= {"16_0.mp4", "16_1.mp4", "16_2.mp4"} or files >= {"5_0.mp4", "5_1.mp4"}
    tab.wait_for_function(PLAYING)
    tab.locator(".about a").first.click()  # to the film
    tab.locator(".timeline").get_by_role("link", name="Zoë Quinn").wait_for()


def test_the_keyboard_alone(tab):
    keys = tab.keyboard
    keys.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the view"
    keys.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "view"
    keys.press("?")
    tab.locator("#keys kbd").nth(3).wait_for()
    keys.press("Escape")
    keys.press("/")
    keys.type("ada")
    tab.wait_for_function("() => document.querySelectorAll('.people .row').length === 1")
    keys.press("Tab")
    keys.press("Enter")
    tab.locator(".queue [aria-selected=true]").wait_for()
    total = tab.locator(".queue .row").count()
    first = current(tab)
    keys.press("ArrowRight")
    tab.wait_for_function(f"name => {SELECTED} !== name", arg=first)
    keys.press("ArrowLeft")
    tab.wait_for_function(f"name => {SELECTED} === name", arg=first)
    tab.wait_for_function(PLAYING)
    keys.press(" ")
    tab.wait_for_function("() => document.querySelector('video').paused")
    keys.press("n")
    tab.wait_for_function("n => document.querySelectorAll('.queue .row').length === n", arg=total - 1)
    keys.press("u")
    tab.wait_for_function("n => document.querySelectorAll('.queue .row').length === n", arg=total)
    assert current(tab) == first
    keys.press("b")  # not this one, but
    keys.type("max")
    keys.press("Enter")
    tab.locator("#said a", has_text="max").or_(tab.locator("#said bdi", has_text="max")).wait_for()
    settled(tab)
    assert label(tab, "max")


def test_names_are_picked_by_typing_and_with_arrows(tab):
    go(tab, "unknown")
    tab.locator("li.group").first.wait_for()
    tab.keyboard.press("a")
    box = tab.get_by_role("combobox", name="Name")
    box.wait_for()
    options = tab.locator("#picker-list [role=option]")
    tab.wait_for_function("n => document.querySelectorAll('#picker-list [role=option]').length === n", arg=len(KNOWN))
    tab.keyboard.press("ArrowDown")
    assert options.nth(1).get_attribute("aria-selected") == "true"
    assert box.get_attribute("aria-activedescendant") == options.nth(1).get_attribute("id")
    tab.keyboard.type("AD")
    tab.wait_for_function("() => document.querySelector('#picker-list [role=option]').innerText === 'Ada'")
    tab.keyboard.press("Escape")
    tab.locator("#picker").wait_for(state="hidden")


def test_a_group_is_split_and_its_parts_are_merged_again(tab):
    (whole,) = (one for one in groups(tab) if one["tracks"] == OF_EVE)
    go(tab, f"group/{whole['faces'][0]['clip']}/{whole['faces'][0]['track']}")
    for number in (1, 2):
        tab.locator(".tile-track").nth(number).get_by_role("checkbox").check()
    tab.get_by_role("button", name="Split off the selected").click()
    tab.get_by_text("Split off: 2 tracks").wait_for()
    go(tab, "unknown")
    tab.locator("li.group").nth(2).wait_for()
    found = groups(tab)
    parts = {(face["clip"], face["track"]) for face in whole["faces"]}
    mine = [n for n, one in enumerate(found) if {(face["clip"], face["track"]) for face in one["faces"]} <= parts]
    assert sorted(found[number]["tracks"] for number in mine) == [2, OF_EVE - 2]
    for number in mine:
        tab.locator("li.group").nth(number).get_by_role("checkbox").check()
    tab.get_by_role("button", name="Merge", exact=True).click()
    tab.get_by_text("Merged into one group").wait_for()
    tab.wait_for_function("() => document.querySelectorAll('li.group').length === 2")
    assert any(parts <= {(face["clip"], face["track"]) for face in one["faces"]} for one in groups(tab))


def test_two_groups_that_meet_in_a_frame_are_not_merged(tab):
    go(tab, "unknown")
    for number in range(2):
        tab.locator("li.group").nth(number).get_by_role("checkbox").check()
    tab.get_by_role("button", name="Merge", exact=True).click()
    tab.get_by_text("they are two people").wait_for()
    assert len(groups(tab)) == 2
    tab.context.faults.clear()  # 409


def test_a_group_is_hidden_and_brought_back(tab):
    go(tab, "unknown")
    tab.locator("li.group").first.wait_for()
    before = len(groups(tab))
    tab.get_by_role("button", name="Hide group 1").click()
    settled(tab)
    assert len(groups(tab)) == before - 1
    tab.get_by_role("link", name="Hidden groups").click()
    tab.get_by_role("button", name="Bring back group 1").click()
    settled(tab)
    assert len(groups(tab)) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_fits_and_axe_finds_no_fault(tab, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab.emulate_media(color_scheme=scheme)
    for view in views(tab):
        go(tab, view)
        tab.locator("main h1").wait_for(state="attached")
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 800})
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, (view, width)
            if width in (390, 1280):
                assert faults(axe, tab) == [], (view, width)
    tab.keyboard.press("?")
    assert faults(axe, tab) == []


def faults(axe, tab):
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in axe.run(tab).response["violations"]]


def test_names_of_strangers_are_text(tab):
    tab.locator(".people").get_by_text(EVIL).wait_for()
    person_label = label(tab, EVIL)
    go(tab, f"person/{person_label}")
    heading(tab, EVIL)
    go(tab, "unknown")
    tab.locator("li.group").first.wait_for()
    tab.keyboard.press("a")
    tab.locator("#picker-list").get_by_text(EVIL).wait_for()
    tab.keyboard.type("</bdi><script>alert(2)</script>\u202e")
    tab.keyboard.press("Escape")
    go(tab, "films")
    tab.get_by_role("link", name=EVIL_FILM).wait_for()
    assert tab.locator("main script, main iframe, img[onerror]").count() == 0


def test_two_windows_see_each_other_and_keep_their_place(context, server, tab):
    other = open_tab(context, server)
    for each in (tab, other):
        person(each, "Ada")
    total = tab.locator(".queue .row").count()
    here = current(other)
    tab.bring_to_front()
    tab.keyboard.press("n")
    other.wait_for_function("n => document.querySelectorAll('.queue .row').length < n", arg=total)
    assert other.locator(".about a").first.inner_text() == here  # it is still looked at
    other.get_by_text("By answers of another window this is no longer Ada").wait_for()
    other.keyboard.press("u")  # of its own answers, of which there is none
    other.get_by_text("There is nothing to undo").wait_for()
    tab.keyboard.press("u")
    other.wait_for_function("n => document.querySelectorAll('.queue .row').length === n", arg=total)


def test_what_cannot_be_is_said_and_taken_back(tab):
    """Two faces of one frame are two people."""
    go(tab, views(tab)[6])
    unknown = tab.locator(".bar-track.unknown")
    for left in (2, 1):
        unknown.nth(left - 1).wait_for()
        tab.wait_for_function("n => document.querySelectorAll('.bar-track.unknown').length === n", arg=left)
        unknown.first.click()
        tab.locator(".stage").get_by_role("button", name="Name").click()
        tab.get_by_role("combobox", name="Name").fill("Ann")
        tab.keyboard.press("Enter")
        settled(tab)
        tab.locator("#said p").wait_for()
    tab.locator("#said", has_text="they are two people").wait_for()
    assert unknown.count() == 1
    tab.context.faults.clear()  # 409


def test_a_clip_plays_with_its_box_and_an_old_kind_is_transcoded(tab):
    go(tab, "films")
    tab.get_by_role("link", name=OLD_FILM).click()
    tab.locator(".bar-track").first.click()
    tab.wait_for_function(PLAYING)
    assert tab.locator("video").get_attribute("src").startswith("/play/")
    box, picture = (tab.locator(each).bounding_box() for each in (".box", ".picture"))
    if box:
        assert picture["x"] <= box["x"] and box["x"] + box["width"] <= picture["x"] + picture["width"]
    go(tab, "films")
    tab.get_by_role("link", name="two.mp4").click()
    tab.locator(".bar-track").first.click()
    tab.wait_for_function(PLAYING)
    assert tab.locator("video").get_attribute("src").startswith("/video/")


def test_a_photograph_is_dropped(tab, tmp_path):
    import cv2

    data = cv2.imencode(".jpg", portrait(16))[1].tobytes()
    tab.evaluate(
        """bytes => {
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(bytes)], "me.jpg", { type: "image/jpeg" }));
          for (const kind of ["dragover", "drop"]) {
            const event = new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
            document.body.dispatchEvent(event);
          }
        }""",
        list(data),
    )
    tab.locator(".hits .row").first.wait_for()
    assert tab.locator(".hits .file").first.inner_text().startswith(("16_", "two", "old"))
    tab.locator("canvas.photograph").wait_for()
    tab.set_input_files("#photograph", {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    tab.get_by_text("This is not a readable photograph").wait_for()
    context = tab.context
    assert all("400" in fault for fault in context.faults)
    context.faults.clear()


def test_answers_outlive_a_server_that_is_killed(browser, found, tmp_path):
    run = tmp_path / "found"
    shutil.copytree(found, run)
    desk = DeskServer(run)
    context = browser.new_context()
    tab = open_tab(context, desk)
    person(tab, "Ada")
    total = tab.locator(".queue .row").count()
    assert total >= 2
    desk.kill()
    tab.locator("#banner").wait_for()
    tab.keyboard.press("n")
    tab.wait_for_function("n => document.querySelectorAll('.queue .row').length === n", arg=total - 1)
    tab.keyboard.press("n")
    tab.get_by_text("2 answers wait").wait_for()
    desk.start()  # at its last address
    settled(tab)
    tab.locator("#banner").wait_for(state="hidden")
    assert tab.evaluate("() => fetch('/api/state').then(r => r.json())")["answers"] == 2
    context.close()
    desk.stop()
