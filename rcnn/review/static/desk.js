// The page: routing, keys, and the messages at the top.

import { make, say } from "./dom.js";
import { Memory } from "./memory.js";
import { open as film } from "./film.js";
import { open as films } from "./films.js";
import { open as group } from "./group.js";
import { open as person } from "./person.js";
import { open as search } from "./search.js";
import { open as start } from "./start.js";
import { open as unknown } from "./unknown.js";

const VIEWS = { "": start, person, unknown, hidden: unknown, group, films, film, search };
const LETTERS = "desk-letters";
const NAMES = { " ": "space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

const byId = (id) => document.getElementById(id);
const memory = new Memory();
const place = byId("view");
let view = null;

const EVERYWHERE = [
  { key: "u", words: "undo the last answer of this window", run: undo },
  { key: "g", words: "to the start", run: () => go("") },
  { key: "?", words: "show these keys", run: showKeys },
];

function go(address) {
  location.hash = `#/${address}`;
}

/** Undo the last step of this window, in the view if it knows the step. */
async function undo() {
  if (view?.undo?.()) return;
  const said = await memory.answer("undo");
  if (said) say(said.step ? "The last answer is undone." : "There is nothing to undo.");
}

function route() {
  const [name = "", ...more] = location.hash.replace(/^#\/?/, "").split("/");
  const open = VIEWS[name] ?? start;
  view?.close?.();
  let rest = more;
  try {
    rest = more.map(decodeURIComponent);
  } catch {
    rest = []; // a malformed address
  }
  view = open({ memory, go, undo }, rest, name);
  const isFirst = !place.firstChild;
  place.replaceChildren(view.node);
  place.className = `view-${name || "start"}`;
  document.title = `${view.title} - Review`;
  for (const link of document.querySelectorAll("nav a")) {
    const is = link.getAttribute("href") === `#/${name === "film" ? "films" : name === "group" || name === "hidden" ? "unknown" : name}`;
    if (is) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (isFirst) return;
  scrollTo(0, 0);
  place.focus({ preventScroll: true });
}

function lettersWork() {
  return localStorage.getItem(LETTERS) !== "no";
}

function keys() {
  return [...(view?.keys ?? []), ...EVERYWHERE];
}

function showKeys() {
  const list = make("dl", { class: "keys" });
  for (const { key, words } of keys()) {
    list.append(make("div", {}, make("dt", {}, make("kbd", { text: NAMES[key] ?? key })), make("dd", { text: words })));
  }
  byId("keys-list").replaceChildren(list);
  byId("keys-on").checked = lettersWork();
  byId("keys").showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const at = event.target;
  if (at.matches("input:not([type=checkbox]), select, textarea")) return;
  if (!lettersWork() && event.key.length === 1 && event.key !== " ") return;
  if (event.key === " " && at.closest("button, a, input, summary, [role=option]")) return; // left to the focused element
  const wanted = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const found = keys().find((one) => one.key === wanted);
  if (!found || (event.repeat && !event.key.startsWith("Arrow"))) return;
  event.preventDefault();
  found.run();
});

for (const dialog of document.querySelectorAll("dialog#keys")) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-do=close]")) dialog.close();
  });
}
byId("keys-on").addEventListener("change", (event) => localStorage.setItem(LETTERS, event.target.checked ? "yes" : "no"));
byId("undo").addEventListener("click", undo);
byId("show-keys").addEventListener("click", showKeys);

memory.addEventListener("trouble", () => {
  const words = memory.trouble;
  const banner = byId("banner");
  if (banner.textContent !== words) banner.textContent = words;
  banner.hidden = !words;
});
memory.addEventListener("state", () => {
  byId("run").textContent = memory.state.run;
  view?.state?.();
});
memory.addEventListener("news", () => view?.refresh?.());
memory.addEventListener("refused", (event) => view?.refused?.(event.detail));
addEventListener("beforeunload", (event) => {
  if (memory.outbox.left) event.preventDefault(); // waiting answers are stored, but sent only while a page is open
});

// every view accepts a dropped photograph
for (const kind of ["dragover", "drop"]) {
  addEventListener(kind, (event) => {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
    event.preventDefault();
    if (kind !== "drop" || !event.dataTransfer.files.length) return;
    const [photograph] = event.dataTransfer.files;
    if (location.hash !== "#/search") {
      history.pushState(null, "", "#/search");
      route();
    }
    view.drop(photograph);
  });
}

await memory.start();
addEventListener("hashchange", route);
route();
