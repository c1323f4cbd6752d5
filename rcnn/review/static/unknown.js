// Groups of unknown people: name one, merge two, hide groups, or show hidden ones again.

import * as api from "./api.js";
import { nameTracks, spotOf } from "./actions.js";
import { button, clock, count, face, keyOf, make, say } from "./dom.js";
import { VirtualList } from "./list.js";

export function open({ memory, go }, _, route) {
  const hidden = route === "hidden";
  const chosen = new Map(); // key of the first track -> group: the two to merge
  const status = make("p", { class: "soft", role: "status" });
  const rows = make("ul", { class: "groups", "aria-label": hidden ? "Hidden groups" : "Groups" });
  const bar = make("div", { class: "bar", role: "region", "aria-label": "Merge", hidden: true });
  const node = make(
    "div",
    {},
    make(
      "div",
      { class: "head" },
      make("div", {}, make("h1", { text: hidden ? "Hidden people" : "Unknown people" }), status),
      make("div", { class: "buttons" }, hidden
        ? make("a", { href: "#/unknown", text: "Back to unknown people" })
        : make("a", { href: "#/hidden", text: "Hidden groups" })),
    ),
    rows,
    bar,
  );
  const list = new VirtualList({
    node: rows,
    load: async (offset, number) => {
      const found = await api.groups(offset, number, hidden);
      status.textContent = `${count(found.total, "group")}${hidden ? "" : ", the surest first; each should be one person"}`;
      return found;
    },
    draw,
  });

  const first = (one) => one.faces[0];
  const address = (one) => `#/group/${encodeURIComponent(first(one).clip)}/${first(one).track}`;

  function words(one) {
    const sure = Number.isFinite(one.sure) ? `, sure ${one.sure.toFixed(2)}` : "";
    return `${count(one.tracks, "track")} in ${count(one.films, "film")}, ${clock(one.seconds)} in view${sure}`;
  }

  function draw(one, index) {
    const key = keyOf(first(one));
    const about = `group ${index + 1}, ${count(one.tracks, "track")}`;
    const box = make("input", { type: "checkbox", "aria-label": `Merge ${about}`, on: { change: () => choose(one, box.checked) } });
    box.checked = chosen.has(key);
    const can = hidden
      ? [button("Bring back", () => put(one, "show", index), { "aria-label": `Bring back ${about}` })]
      : [
          button("Name", () => name(one), { "aria-label": `Name ${about}`, class: "yes" }),
          button("Hide", () => put(one, "hide", index), { "aria-label": `Hide ${about}` }),
          make("label", { class: "choose" }, box, " Merge"),
        ];
    return make(
      "li",
      { class: "group", "data-key": key },
      make("a", { class: "strip", href: address(one), "aria-label": `Open ${about}` }, one.faces.map((each) => face(each.face, 112))),
      make("p", { class: "soft", text: words(one) }),
      make("div", { class: "buttons" }, can),
    );
  }

  /** The current tracks of a group. */
  const tracks = async (one) => (await api.group(first(one).clip, first(one).track)).items.map(spotOf);

  async function name(one) {
    const spots = await tracks(one).catch(() => null);
    if (!spots) return;
    if (await nameTracks(memory, `Who is this, in ${count(spots.length, "track")}?`, spots)) list.refresh().catch(() => {});
  }

  async function put(one, kind, index) {
    const spots = await tracks(one).catch(() => null);
    if (!spots) return;
    const at = list.items.findIndex((each) => each && keyOf(first(each)) === keyOf(first(one)));
    list.remove(at < 0 ? index : at);
    rows.querySelector(`[data-index="${Math.min(index, list.total - 1)}"] a`)?.focus();
    const said = await memory.answer(kind, { spots });
    if (said) say(kind === "hide" ? "Hidden." : "Brought back.");
  }

  function choose(one, on) {
    if (on) chosen.set(keyOf(first(one)), one);
    else chosen.delete(keyOf(first(one)));
    if (chosen.size > 2) {
      const [oldest] = chosen.keys();
      chosen.delete(oldest);
      list.redraw();
    }
    const two = [...chosen.values()];
    bar.hidden = two.length === 0;
    bar.replaceChildren(
      ...two.map((each) => face(first(each).face, 112)),
      make("span", { text: two.length === 2 ? "One person?" : "Choose the other one." }),
      two.length === 2 ? button("Merge", () => merge(two), { class: "yes" }) : "",
      button("Cancel", () => {
        chosen.clear();
        bar.hidden = true;
        list.redraw();
      }),
    );
  }

  async function merge(two) {
    chosen.clear();
    bar.hidden = true;
    // all tracks, so that the server can check whether two share a frame
    const spots = await Promise.all(two.map(tracks)).catch(() => null);
    if (!spots) return;
    const said = await memory.answer("together", { spots: spots.flat() });
    if (said) say("Merged into one group.");
    list.refresh().catch(() => {});
  }

  /** The focused group, else the first in view. */
  function at() {
    const row = document.activeElement?.closest("li.group") ?? rows.querySelector("li.group");
    return row ? [list.items[Number(row.dataset.index)], Number(row.dataset.index)] : [null, -1];
  }

  function step(by) {
    const focused = document.activeElement?.closest("li.group");
    const next = focused ? Number(focused.dataset.index) + by : 0;
    if (next < 0 || next >= list.reach) return;
    list.reveal(next);
    rows.querySelector(`[data-index="${next}"] a`)?.focus();
  }

  const withGroup = (run) => () => {
    const [one, index] = at();
    if (one) run(one, index);
  };

  list.fetch(0).catch(() => {});
  return {
    node,
    title: hidden ? "Hidden" : "Unknown",
    keys: [
      { key: "ArrowDown", words: "the next group", run: () => step(1) },
      { key: "ArrowUp", words: "the group before", run: () => step(-1) },
      { key: "o", words: "open the group, to look at its tracks or to split it", run: withGroup((one) => go(address(one).slice(2))) },
      ...(hidden
        ? [{ key: "h", words: "bring the group back", run: withGroup((one, index) => put(one, "show", index)) }]
        : [
            { key: "a", words: "name the group", run: withGroup(name) },
            { key: "h", words: "hide the group", run: withGroup((one, index) => put(one, "hide", index)) },
            { key: "m", words: "choose the group, to merge two", run: withGroup((one) => {
              choose(one, !chosen.has(keyOf(first(one))));
              list.redraw();
            }) },
          ]),
    ],
    refresh: () => list.refresh().catch(() => {}),
    close: () => list.close(),
  };
}
