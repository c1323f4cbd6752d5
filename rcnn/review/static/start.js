// The start view: the progress of the review, known people, unknown people, and films.

import * as api from "./api.js";
import { count, face, make, named, parts, plain } from "./dom.js";
import { VirtualList } from "./list.js";

const FEW = 6; // groups and films shown here

export function open({ memory }) {
  const tiles = make("dl", { class: "tiles" });
  const text = make("input", { type: "search", id: "people-text", autocomplete: "off", spellcheck: "false" });
  const status = make("p", { class: "soft", role: "status" });
  const people = make("ul", { class: "people", "aria-label": "People" });
  const unknown = make("ul", { class: "few groups-few" });
  const films = make("ul", { class: "few films-few" });
  const node = make(
    "div",
    {},
    make("h1", { class: "unseen", text: "Review: start" }),
    make("section", { "aria-labelledby": "progress-title" }, make("h2", { id: "progress-title", text: "Progress" }), tiles),
    make(
      "section",
      { "aria-labelledby": "people-title" },
      make("h2", { id: "people-title", text: "People" }),
      make("div", { class: "toolbar" }, make("label", { for: "people-text" }, "Name or label"), text),
      status,
      people,
    ),
    make(
      "section",
      { "aria-labelledby": "unknown-title" },
      make("h2", { id: "unknown-title", text: "Unknown people" }),
      unknown,
      make("p", {}, make("a", { href: "#/unknown", text: "All unknown people" })),
    ),
    make(
      "section",
      { "aria-labelledby": "films-title" },
      make("h2", { id: "films-title", text: "Films" }),
      films,
      make("p", {}, make("a", { href: "#/films", text: "All films" })),
    ),
  );

  let found = [];
  const list = new VirtualList({
    node: people,
    load: async (offset, number) => ({ total: found.length, items: found.slice(offset, offset + number) }),
    draw: card,
  });

  function card(one) {
    return make(
      "li",
      { class: "person" },
      make(
        "a",
        { href: `#/person/${one.label}` },
        face(one.face, 112),
        make(
          "span",
          { class: "who" },
          make("b", {}, named(one.name)),
          make("span", { class: one.left ? "left" : "soft", text: one.left ? `${count(one.left, "maybe", "maybes")} left` : "none left" }),
          make("span", { class: "soft", text: `${one.yes.toLocaleString("en")} yes, ${one.maybe.toLocaleString("en")} maybe` }),
        ),
      ),
    );
  }

  function tile(name, value, about) {
    return make("div", { class: "tile" }, make("dt", { text: name }), make("dd", {}, value.toLocaleString("en"), make("small", { text: about })));
  }

  function fill() {
    const { state } = memory;
    const last = Math.min(state.answers, 100);
    tiles.replaceChildren(
      tile("Left", state.left, "maybes without an answer"),
      tile("Answers", state.answers, state.answers ? "given so far" : "y, n or a name"),
      tile("Changed something", state.changed_last_100, last ? `of the last ${count(last, "answer")}` : "no answer yet"),
      tile("Unknown people", state.unknown.groups, `groups, ${count(state.unknown.tracks, "track")} in all`),
    );
    const words = plain(text.value.trim());
    const all = [...state.people].sort((a, b) => b.left - a.left || a.name.localeCompare(b.name));
    found = all.filter((one) => plain(one.name).includes(words) || String(one.label) === words);
    status.textContent = words
      ? `${found.length} of ${count(all.length, "person", "people")}`
      : count(all.length, "person", "people");
    people.hidden = !found.length;
    list.refresh();
  }

  async function more() {
    const [groups, those] = await Promise.all([api.groups(0, FEW, false), api.films(0, FEW)]);
    unknown.replaceChildren(
      ...groups.items.map((one) => {
        const [first] = one.faces;
        const words = `${count(one.tracks, "track")} in ${count(one.films, "film")}`;
        const href = first ? `#/group/${encodeURIComponent(first.clip)}/${first.track}` : "#/unknown";
        return make("li", {}, make("a", { href }, ...one.faces.slice(0, 3).map((each) => face(each.face, 112)), make("span", { text: words })));
      }),
    );
    if (!groups.items.length) unknown.replaceChildren(make("li", { class: "soft", text: "Nobody: everyone is known or hidden." }));
    films.replaceChildren(
      ...those.items.map((one) =>
        make(
          "li",
          {},
          make("a", { href: `#/film/${encodeURIComponent(one.clip)}` }, named(parts(one.source)[0])),
          make("span", { class: "soft", text: `${count(one.people, "person", "people")}, ${one.unknown} unknown` }),
        ),
      ),
    );
  }

  function refresh() {
    fill();
    more().catch(() => {}); // the banner reports that the server is unreachable
  }

  text.addEventListener("input", fill);
  refresh();
  return {
    node,
    title: "Start",
    keys: [{ key: "/", words: "search by name", run: () => text.focus() }],
    refresh,
    state: fill,
    close: () => list.close(),
  };
}
