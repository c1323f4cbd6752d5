// One film: its timeline with all people, including unknown ones.

import * as api from "./api.js";
import { nameTracks, personLink, spotOf } from "./actions.js";
import { button, clock, count, face, keyOf, make, named, parts, span } from "./dom.js";
import { VirtualList } from "./list.js";
import { pick } from "./picker.js";
import { Player } from "./player.js";

const NARROWEST = 3; // minimum pixels between two bars
const GUESSED = 600; // pixels, assumed width of a timeline before layout
const SHORTEST = 1e-3; // seconds, minimum length of a timeline
const SINGLE = -1; // group number of a track without group
const HIDDEN = -2; // group number of hidden tracks
const RANKS = { yes: 0, maybe: 1, no: 2 };

export function open({ memory }, [clip, track]) {
  const player = new Player();
  let film = null;
  let lines = []; // of the timeline: {who, name, verdict, group, tracks}
  let current = null;
  let length = 0; // seconds, length of the timeline
  const heading = make("h1", { text: "Film" });
  const way = make("p", { class: "way" });
  const facts = make("p", { class: "soft" });
  const rows = make("ul", { class: "timeline", "aria-label": "Who is in view when" });
  const scale = make("p", { class: "scale", "aria-hidden": "true" });
  const about = make("div", { class: "about", role: "status" });
  const buttons = make("div", { class: "buttons" });
  const stage = make("section", { class: "stage", "aria-label": "Track", hidden: true }, about, buttons, player.node);
  const node = make(
    "div",
    { class: "film-view" },
    make("div", { class: "head" }, make("div", {}, heading, way, facts)),
    make("div", { class: "work" }, make("div", { class: "side" }, rows, scale), make("div", { class: "main" }, stage)),
  );
  const list = new VirtualList({
    node: rows,
    load: async (offset, number) => ({ total: lines.length, items: lines.slice(offset, offset + number) }),
    draw,
  });

  const isKnown = (one) => one.who !== null && one.who !== undefined && (one.answer === "yes" || one.verdict !== "no");

  /** One line per person, one per group, and one for all single unknown tracks. */
  function gather() {
    const found = new Map();
    for (const one of film.tracks) {
      const known = isKnown(one);
      const group = known ? null : one.hidden ? HIDDEN : (one.group ?? SINGLE);
      const key = known ? `p${one.who}` : `g${group}`;
      if (!found.has(key)) found.set(key, { who: known ? one.who : null, name: known ? one.name : "", group, verdict: "no", tracks: [] });
      const line = found.get(key);
      line.tracks.push(one);
      const verdict = known ? (one.answer === "yes" ? "yes" : one.verdict) : "no";
      if (RANKS[verdict] < RANKS[line.verdict]) line.verdict = verdict;
    }
    const rank = (line) => [line.who === null ? (line.group < 0 ? 1 - line.group : 1) : 0, line.tracks[0].start];
    lines = [...found.values()].sort((a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1]);
    for (const line of lines) line.tracks.sort((a, b) => a.start - b.start);
    length = film.tracks.reduce((last, one) => Math.max(last, one.end), Math.max(film.seconds, SHORTEST));
  }

  function words(line) {
    if (line.who !== null) return line.name;
    return { [SINGLE]: "somebody unknown, single", [HIDDEN]: "hidden" }[line.group] ?? "somebody unknown";
  }

  function draw(line) {
    const bars = make("div", { class: "bars" });
    const all = length;
    const wide = list.width || GUESSED;
    const room = wide / all;
    let right = -Infinity;
    for (const one of line.tracks) {
      if (one.start * room < right + NARROWEST && line.tracks.length > wide / NARROWEST) continue; // no room for all bars
      right = one.end * room;
      const bar = button("", () => look(one), {
        class: `bar-track ${isKnown(one) ? (one.answer ?? one.verdict) : "unknown"}`,
        "aria-label": `Play ${words(line)}, ${span(one.start, one.end)}${isKnown(one) ? `, ${one.answer ? "answered yes" : one.verdict}` : ""}`,
        "aria-pressed": String(Boolean(current && keyOf(current) === keyOf(one))),
      });
      bar.style.left = `${(100 * Math.max(one.start, 0)) / all}%`;
      bar.style.width = `${(100 * Math.max(one.end - one.start, 0)) / all}%`;
      bars.append(bar);
    }
    const first = line.tracks[0];
    const who = line.who !== null
      ? personLink(line.who, line.name)
      : line.group < 0
        ? make("span", { text: words(line) })
        : make("a", { href: `#/group/${encodeURIComponent(first.clip)}/${first.track}`, text: words(line) });
    return make(
      "li",
      {},
      make("div", { class: "line" }, face(first.face, 112), who, make("span", { class: "tag", text: line.who === null ? count(line.tracks.length, "track") : line.verdict })),
      bars,
    );
  }

  function look(one) {
    current = { ...one, source: film.source, plays: film.plays, why: film.why };
    stage.hidden = false;
    tell();
    player.show(current);
    list.redraw();
  }

  function tell() {
    const one = current;
    const known = isKnown(one);
    about.replaceChildren(
      face(one.face, 320),
      make(
        "p",
        {},
        known ? personLink(one.who, one.name) : "Somebody unknown",
        ` ${span(one.start, one.end)}`,
        make("span", { class: "soft", text: known ? `, ${one.answer ? `answered ${one.answer}` : one.verdict}` : "" }),
      ),
    );
    if (buttons.dataset.known === String(known)) return; // keeps the focus
    buttons.dataset.known = known;
    buttons.replaceChildren(
      ...(known
        ? [
            button("Yes", () => answer("yes"), { key: "y", class: "yes" }),
            button("No", () => answer("no"), { key: "n", class: "no" }),
            button("Not this one, but …", other, { key: "b" }),
          ]
        : [button("Name", other, { key: "b", class: "yes" })]),
    );
  }

  function answer(kind, more = {}) {
    if (!current || !isKnown(current)) return;
    const at = [...rows.querySelectorAll(".bar-track")].findIndex((bar) => bar.getAttribute("aria-pressed") === "true");
    memory.answer(kind, { spots: [spotOf(current)], label: current.who, ...more });
    current.answer = kind === "yes" ? "yes" : "no";
    tell();
    rows.querySelectorAll(".bar-track")[Math.max(at, 0)]?.focus({ preventScroll: true });
  }

  async function other() {
    if (!current) return;
    const item = current;
    if (!isKnown(item)) {
      await nameTracks(memory, "Who is this?", [spotOf(item)]);
      return;
    }
    const who = await pick({ heading: "Not this one, but …", people: memory.state.people, without: item.who });
    if (who && current === item) answer("other", who.label === null ? { name: who.name } : { other: who.label });
  }

  function step(by) {
    const all = film ? lines.flatMap((line) => line.tracks) : [];
    const at = current ? all.findIndex((one) => keyOf(one) === keyOf(current)) : -1;
    const next = all[at + by];
    if (next) look(next);
  }

  async function read() {
    let found;
    try {
      found = await api.film(clip);
    } catch (error) {
      if (error.status) facts.textContent = error.message;
      return;
    }
    film = found;
    gather();
    const [file, folders] = parts(film.source);
    heading.replaceChildren(named(file));
    way.replaceChildren(named(folders));
    const known = lines.filter((line) => line.who !== null).length;
    const nobody = film.tracks.filter((one) => !isKnown(one)).length;
    facts.textContent = `${clock(length)} long: ${count(known, "person", "people")}, ${count(nobody, "track")} of unknown people`;
    scale.replaceChildren(make("span", { text: "0:00" }), make("span", { text: clock(length) }));
    rows.hidden = scale.hidden = !lines.length;
    await list.refresh();
    if (current) {
      const now = film.tracks.find((one) => keyOf(one) === keyOf(current));
      if (now) {
        current = { ...current, ...now };
        tell();
      }
    } else if (track !== undefined) {
      const wanted = film.tracks.find((one) => keyOf(one) === keyOf({ clip, track }));
      if (wanted) look(wanted);
    }
  }

  read();
  return {
    node,
    title: "Film",
    keys: [
      { key: "ArrowRight", words: "the next track", run: () => step(1) },
      { key: "ArrowLeft", words: "the track before", run: () => step(-1) },
      { key: "y", words: "yes, it is this person", run: () => answer("yes") },
      { key: "n", words: "no, it is not", run: () => answer("no") },
      { key: "b", words: "somebody else (pick a name)", run: other },
      { key: " ", words: "play, stop", run: () => player.toggle() },
    ],
    refresh: read,
    close() {
      player.stop();
      list.close();
    },
  };
}
