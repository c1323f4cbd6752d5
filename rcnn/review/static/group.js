// One group of an unknown person: inspect its tracks, name it, split off other people's tracks.

import * as api from "./api.js";
import { nameTracks, spotOf } from "./actions.js";
import { button, count, face, keyOf, make, named, parts, say, span } from "./dom.js";
import { VirtualList } from "./list.js";
import { Player } from "./player.js";

export function open({ memory, go }, [clip, track]) {
  const player = new Player();
  const chosen = new Set(); // keys of tracks
  let items = [];
  const status = make("p", { class: "soft", role: "status" });
  const rows = make("ul", { class: "tracks", "aria-label": "Tracks" });
  const name = button("Name all", () => give(false), { key: "a", class: "yes" });
  const nameThese = button("Name the selected", () => give(true));
  const split = button("Split off the selected", apart, { key: "s" });
  const hide = button("Hide", hidden, { key: "h" });
  const where = make("p", { class: "soft" });
  const node = make(
    "div",
    { class: "group-view" },
    make(
      "div",
      { class: "head" },
      make("div", {}, make("h1", { text: "One unknown person?" }), status),
      make("div", { class: "buttons" }, name, nameThese, split, hide, make("a", { href: "#/unknown", text: "All groups" })),
    ),
    make("div", { class: "work" }, make("div", { class: "side" }, rows), make("div", { class: "main" }, where, player.node)),
  );
  const list = new VirtualList({
    node: rows,
    load: async (offset, number) => ({ total: items.length, items: items.slice(offset, offset + number) }),
    draw,
  });

  function draw(item, index) {
    const key = keyOf(item);
    const [file] = parts(item.source);
    const words = `track ${index + 1}, ${file}, ${span(item.start, item.end)}`;
    const box = make("input", {
      type: "checkbox", "aria-label": `Choose ${words}`,
      on: {
        change: () => {
          if (box.checked) chosen.add(key);
          else chosen.delete(key);
          tell();
        },
      },
    });
    box.checked = chosen.has(key);
    return make(
      "li",
      { class: "tile-track" },
      button([face(item.face, 112)], () => look(item), { "aria-label": `Play ${words}`, class: "bare" }),
      make("label", {}, box, " ", make("span", { text: span(item.start, item.end) })),
      make("span", { class: "soft file" }, named(file)),
    );
  }

  function look(item) {
    const [file] = parts(item.source);
    where.replaceChildren(make("a", { href: `#/film/${encodeURIComponent(item.clip)}/${item.track}` }, named(file)), ` ${span(item.start, item.end)}`);
    player.show(item);
  }

  function tell() {
    const films = new Set(items.map((item) => item.source)).size;
    const some = chosen.size ? `, ${chosen.size} chosen` : ". Choose those that show somebody else, to split them off";
    status.textContent = items.length ? `${count(items.length, "track")} in ${count(films, "film")}${some}` : "This group is gone: it was named, or has changed.";
    for (const one of [name, hide]) one.disabled = !items.length;
    nameThese.disabled = !chosen.size;
    split.disabled = !chosen.size || chosen.size === items.length;
    rows.hidden = player.node.hidden = !items.length;
  }

  const those = (of) => items.filter((item) => chosen.has(keyOf(item)) === of);

  async function give(some) {
    const spots = (some ? those(true) : items).map(spotOf);
    if (!spots.length) return;
    const said = await nameTracks(memory, `Who is this, in ${count(spots.length, "track")}?`, spots);
    if (!said) return;
    if (spots.length === items.length) go("unknown");
    else {
      chosen.clear();
      read();
    }
  }

  async function apart() {
    const [these, rest] = [those(true), those(false)];
    if (!these.length || !rest.length) return;
    // the first track is marked as different from all others
    const said = await memory.answer("apart", { spots: [rest[0], ...these].map(spotOf) });
    if (said) say(`Split off: ${count(these.length, "track")}.`);
    chosen.clear();
    [clip, track] = spotOf(rest[0]);
    read();
  }

  async function hidden() {
    if (!items.length) return;
    const said = await memory.answer("hide", { spots: items.map(spotOf) });
    if (!said) return;
    say("Hidden.");
    go("unknown");
  }

  async function read() {
    try {
      items = (await api.group(clip, track)).items;
    } catch (error) {
      if (error.status !== 404) return; // server unreachable, as the banner says
      items = [];
    }
    const all = new Set(items.map(keyOf));
    for (const key of chosen) if (!all.has(key)) chosen.delete(key);
    tell();
    await list.refresh();
    if (items.length && !(player.item && all.has(keyOf(player.item)))) look(items[0]);
    if (!items.length) player.stop();
  }

  tell();
  read();
  return {
    node,
    title: "A group",
    keys: [
      { key: "a", words: "name all", run: () => give(false) },
      { key: "s", words: "split off the selected", run: apart },
      { key: "h", words: "hide the group", run: hidden },
      { key: " ", words: "play, stop", run: () => player.toggle() },
    ],
    refresh: read,
    close() {
      player.stop();
      list.close();
    },
  };
}
