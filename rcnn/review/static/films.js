// All films, with the number of people in each.

import * as api from "./api.js";
import { clock, count, make, named, parts } from "./dom.js";
import { VirtualList } from "./list.js";

export function open() {
  const status = make("p", { class: "soft", role: "status" });
  const rows = make("ul", { class: "films", "aria-label": "Films" });
  const node = make("div", {}, make("div", { class: "head" }, make("div", {}, make("h1", { text: "Films" }), status)), rows);
  const list = new VirtualList({
    node: rows,
    load: async (offset, number) => {
      const found = await api.films(offset, number);
      status.textContent = count(found.total, "film");
      return found;
    },
    draw: (one) => {
      const [file, way] = parts(one.source);
      return make(
        "li",
        {},
        make(
          "a",
          { href: `#/film/${encodeURIComponent(one.clip)}` },
          make("b", {}, named(file)),
          make("span", { class: "way" }, named(way)),
        ),
        make("span", { class: "soft", text: `${clock(one.seconds)} long: ${count(one.people, "person", "people")}, ${one.unknown} unknown` }),
      );
    },
  });
  list.fetch(0).catch(() => {});
  return { node, title: "Films", keys: [], refresh: () => list.refresh().catch(() => {}), close: () => list.close() };
}
