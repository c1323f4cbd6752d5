// One person: the most uncertain tracks first, one at a time, answered with a key.

import * as api from "./api.js";
import { personLink, spotOf } from "./actions.js";
import { button, count, face, keyOf, make, named, parts, say, share, span } from "./dom.js";
import { VirtualList } from "./list.js";
import { pick } from "./picker.js";
import { Player } from "./player.js";

const AHEAD = 2; // tracks whose pictures are preloaded
const LARGE = 320; // pixels, height of the current face

export function open({ memory }, [which]) {
  const label = Number(which);
  const name = () => memory.name(label) || `label ${label}`;
  const player = new Player();
  const taken = new Map(); // tracks answered here that may not have reached the server -> the answer
  const steps = []; // steps to undo: {item, index, show}
  let show = "left";
  let index = 0; // index in the list; when a track leaves, the next one takes its index
  let current = null;

  // --- elements
  const heading = make("h1", {});
  const facts = make("p", { class: "soft facts" });
  const known = make("div", { class: "known" });
  const left = button("Uncertain", () => change("left"), { "aria-pressed": "true" });
  const all = button("All", () => change("all"), { "aria-pressed": "false" });
  const rename = button("Rename …", renamed);
  const merge = button("Same person as …", merged);
  const large = make("div", { class: "large" });
  const about = make("div", { class: "about", role: "status" });
  const note = make("p", { class: "notes", hidden: true });
  const yes = button("Yes", () => answer("yes"), { key: "y", class: "yes" });
  const no = button("No", () => answer("no"), { key: "n", class: "no" });
  const other = button("Not this one, but …", otherwise, { key: "b" });
  const stage = make(
    "section",
    { class: "stage", "aria-label": "Is it this person?" },
    make("div", { class: "compare" }, known, large),
    make("div", { class: "answers buttons" }, yes, no, other),
    about,
    note,
    player.node,
  );
  const empty = make("p", { class: "empty", hidden: true });
  const rows = make("ol", { role: "listbox", tabindex: "0", "aria-label": "Tracks" });
  const queue = make("div", { class: "queue" }, rows);
  const status = make("p", { class: "soft queue-status" });
  const node = make(
    "div",
    { class: "person-view" },
    make(
      "div",
      { class: "head" },
      make("div", {}, heading, facts),
      make("div", { class: "buttons" }, make("div", { class: "views", role: "group", "aria-label": "Which tracks" }, left, all), rename, merge),
    ),
    make("div", { class: "work" }, make("div", { class: "side" }, status, queue), make("div", { class: "main" }, empty, stage)),
  );

  const list = new VirtualList({ node: rows, scroller: queue, load, draw });

  async function load(offset, number) {
    const found = await api.person(label, offset, number, show);
    if (show === "left") {
      const items = found.items.filter((item) => !taken.has(keyOf(item)));
      return { total: found.total - (found.items.length - items.length), items };
    }
    for (const item of found.items) if (taken.has(keyOf(item))) item.answer = taken.get(keyOf(item));
    return found;
  }

  function draw(item, at) {
    const is = current && keyOf(item) === keyOf(current);
    const [file] = parts(item.source);
    return make(
      "li",
      {
        role: "option", id: `row-${at}`, "aria-selected": String(Boolean(is)), class: `track ${item.answer ?? item.verdict}`,
        on: { click: () => go(at) },
      },
      face(item.face, 112),
      make(
        "span",
        {},
        make("span", { class: "file" }, named(file)),
        make("span", { class: "soft", text: `${span(item.start, item.end)}, ${item.answer ? `answered ${item.answer}` : `${item.verdict}, ${share(item)}`}` }),
      ),
    );
  }

  function top() {
    const one = memory.people?.get(label);
    heading.replaceChildren(named(name()));
    facts.textContent = one
      ? `${one.yes} yes, ${one.maybe} maybe, ${one.left} left, ${count(one.answers, "answer")}`
      : "Nobody has this label any more.";
    if (!known.firstChild && one) {
      known.replaceChildren(make("figure", {}, face(one.face, LARGE), make("figcaption", {}, named(name()))));
    }
  }

  // --- current track
  async function go(at, { scroll = true } = {}) {
    index = Math.max(0, Math.min(at, list.reach - 1));
    let item;
    try {
      item = list.reach ? await list.at(index) : null;
    } catch {
      return; // server unreachable, as the banner says
    }
    if (list.closed) return;
    look(item ?? null);
    if (item && scroll) list.reveal(index);
    for (let next = index + 1; next <= index + AHEAD; next += 1) {
      const one = list.items[next];
      if (!one) continue;
      new Image().src = `${one.face}?size=${LARGE}`;
      new Image().src = api.frame(one.clip, one.time);
    }
  }

  function look(item) {
    const same = current && item && keyOf(current) === keyOf(item);
    current = item;
    stage.hidden = !item;
    empty.hidden = Boolean(item);
    if (!item) {
      player.stop();
      empty.textContent = show === "left" ? "Nothing is left: every maybe of this person has an answer." : "In no clip.";
      select();
      return;
    }
    note.hidden = true;
    player.show(item);
    if (!same) large.replaceChildren(make("figure", {}, face(item.face, LARGE), make("figcaption", { text: "In this clip" })));
    tell(item);
    select();
  }

  function tell(item) {
    const [file, way] = parts(item.source);
    const said = item.answer ? `answered ${item.answer}` : item.verdict;
    about.replaceChildren(
      make("p", { class: `verdict ${item.verdict}` }, make("b", { text: said }), " ", make("span", { text: share(item) })),
      make(
        "p",
        {},
        make("a", { href: `#/film/${encodeURIComponent(item.clip)}/${item.track}` }, named(file)),
        ` ${span(item.start, item.end)}`,
      ),
      way ? make("p", { class: "way" }, named(way)) : null,
      item.others.length
        ? make("p", { class: "soft" }, "Next most similar: ", ...item.others.flatMap((one, n) => [n ? ", " : "", named(one.name), ` ${one.cosine.toFixed(2)}`]))
        : null,
    );
  }

  function select() {
    queue.hidden = !list.total;
    rows.removeAttribute("aria-activedescendant");
    for (const row of rows.querySelectorAll("[role=option]")) {
      const item = list.items[Number(row.dataset.index)];
      const is = Boolean(current && item && keyOf(item) === keyOf(current));
      row.setAttribute("aria-selected", String(is));
      if (is) rows.setAttribute("aria-activedescendant", row.id);
    }
    status.textContent = list.total
      ? `${Math.min(index + 1, list.total).toLocaleString("en")} of ${list.total.toLocaleString("en")}`
      : "";
  }

  // --- answers
  function answer(kind, more = {}, words = kind) {
    if (!current) return;
    const item = current;
    const body = { spots: [spotOf(item)], label, ...more };
    taken.set(keyOf(item), words);
    steps.push({ item, index, show });
    if (show === "left") {
      if (list.items[index] && keyOf(list.items[index]) === keyOf(item)) list.remove(index);
      go(index < list.reach ? index : 0);
    } else {
      item.answer = words;
      list.redraw();
      go(index + 1 < list.reach ? index + 1 : index);
    }
    memory.answer(kind, body);
    if (document.activeElement?.closest(".answers")) stage.closest("main").focus({ preventScroll: true }); // space plays
  }

  async function otherwise() {
    if (!current) return;
    const item = current;
    player.video.pause();
    const who = await pick({
      heading: "Not this one, but …", people: memory.state.people, without: label,
      first: item.others.map((one) => one.label),
    });
    if (!who || current !== item) return;
    answer("other", who.label === null ? { name: who.name } : { other: who.label }, "no");
    say("This track is ", who.label === null ? named(who.name) : personLink(who.label, who.name), ".");
  }

  function back(step) {
    taken.delete(keyOf(step.item));
    step.item.answer = null;
    if (step.show === show && show === "left") list.insertItem(Math.min(step.index, list.reach), step.item);
    else list.redraw();
    if (step.show === show) go(step.index);
  }

  async function renamed() {
    const who = await pick({ heading: "What is the name?", people: [], text: memory.name(label) });
    if (!who) return;
    steps.push(null);
    memory.answer("rename", { label, name: who.name });
  }

  async function merged() {
    const who = await pick({ heading: `Who is the same person as ${name()}?`, people: memory.state.people, without: label, makes: false });
    if (!who) return;
    steps.push(null);
    const said = await memory.answer("merge", { label, other: who.label });
    if (said) say(named(who.name), " and ", named(name()), " are one person now.");
  }

  function change(to) {
    show = to;
    left.setAttribute("aria-pressed", String(show === "left"));
    all.setAttribute("aria-pressed", String(show === "all"));
    current = null;
    list.refresh().then(() => go(0)).catch(() => {});
  }

  /** Load changes, keeping the position in the list and the current track. */
  async function refresh() {
    top();
    if (memory.outbox.left) return; // another change event follows when they are sent
    if (!(await list.refresh().catch(() => false))) return;
    if (!memory.outbox.left) taken.clear();
    if (!current) {
      await go(0);
      return;
    }
    const found = list.items.find((item) => item && keyOf(item) === keyOf(current));
    if (found) {
      current = found;
      tell(found);
    } else await elsewhere(current);
    select();
  }

  /** Show the new state of a track that left the list through another answer. */
  async function elsewhere(item) {
    const film = await api.film(item.clip).catch(() => null);
    const now = film?.tracks.find((one) => keyOf(one) === keyOf(item));
    if (!now || current !== item) return;
    const mine = now.who === label && now.verdict !== "no";
    if (mine && now.verdict === item.verdict && !now.answer) return; // it is in a part of the list that was not loaded
    const words = mine ? [now.answer ? `answered ${now.answer}` : `a ${now.verdict}`] : ["no longer ", named(name())];
    note.replaceChildren("By answers of another window this is ", ...words, now.name && !mine ? ", but " : "", now.name && !mine ? named(now.name) : "", ".");
    note.hidden = false;
  }

  rows.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    go(Math.max(0, Math.min(index + step, list.reach - 1)));
  });

  top();
  list.fetch(0).then(() => go(0)).catch(() => {});
  return {
    node,
    title: name(),
    keys: [
      { key: "y", words: "yes, it is this person", run: () => answer("yes") },
      { key: "n", words: "no, it is not", run: () => answer("no") },
      { key: "b", words: "not this one, but … (pick a name)", run: otherwise },
      { key: " ", words: "play, stop", run: () => player.toggle() },
      { key: "ArrowRight", words: "the next one", run: () => go(index + 1) },
      { key: "ArrowLeft", words: "the one before", run: () => go(index - 1) },
    ],
    refresh,
    state: top,
    refused(body) {
      const at = steps.findIndex((step) => step && body.spots?.some(([clip, track]) => keyOf(step.item) === keyOf({ clip, track })));
      if (at >= 0) back(steps.splice(at, 1)[0]);
    },
    undo() {
      if (!steps.length) return false;
      const step = steps.pop(); // null for a step about the person, not a track
      if (step) back(step);
      memory.answer("undo");
      say("The last answer is undone.");
      return true;
    },
    close() {
      player.stop();
      list.close();
    },
  };
}
