// A dialog to pick a name by typing a part of it, or to enter a new one; usable with the keyboard alone.

import { face, make, named, plain } from "./dom.js";

const MOST = 50; // names listed; typing finds the others

const byId = (id) => document.getElementById(id);

/**
 * Ask for a person.
 *
 * heading : the question
 * people : known people, with `label`, `name` and `face`
 * first : labels to list first, most likely first
 * makes : whether a new name may be entered
 *
 * Returns a promise of {label, name}, with label null for a new person; null if the dialog was closed.
 */
export function pick({ heading, people, first = [], makes = true, without = null, text = "" }) {
  const dialog = byId("picker");
  const input = byId("picker-text");
  const list = byId("picker-list");
  byId("picker-title").textContent = heading;
  input.value = text;
  const rank = new Map(first.map((label, n) => [label, n]));
  const sorted = people
    .filter((one) => one.label !== without)
    .map((one) => ({ ...one, plain: plain(one.name) }))
    .sort((a, b) => (rank.get(a.label) ?? MOST) - (rank.get(b.label) ?? MOST) || a.plain.localeCompare(b.plain));
  let choices = [];
  let active = 0;

  function choose(n) {
    active = n;
    [...list.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === n)));
    const row = list.children[n];
    if (row) {
      input.setAttribute("aria-activedescendant", row.id);
      row.scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }

  function fill() {
    const typed = input.value.trim();
    const words = plain(typed);
    const begins = (one) => one.plain.startsWith(words);
    choices = sorted.filter((one) => one.plain.includes(words));
    if (words) choices.sort((a, b) => begins(b) - begins(a));
    choices = choices.slice(0, MOST);
    if (makes && typed && !people.some((one) => one.name === typed)) choices.push({ label: null, name: typed });
    list.replaceChildren(
      ...choices.map((one, n) =>
        make(
          "li",
          { role: "option", id: `pick-${n}`, "aria-selected": "false", on: { click: () => end(one) } },
          one.label === null ? make("span", { class: "new", text: "new" }) : face(one.face, 112),
          named(one.name),
        ),
      ),
    );
    if (!choices.length) {
      list.append(make("li", { role: "option", "aria-disabled": "true", "aria-selected": "false", class: "nobody" },
        makes ? "Type a name." : "Nobody has this name."));
    }
    choose(choices.length ? 0 : -1);
  }

  let end = () => {};
  return new Promise((resolve) => {
    const heard = new AbortController();
    const { signal } = heard;
    let answer = null;
    end = (one) => {
      answer = one && { label: one.label, name: one.name };
      dialog.close();
    };
    input.addEventListener("input", fill, { signal });
    input.addEventListener(
      "keydown",
      (event) => {
        if (event.isComposing) return; // the key belongs to the input method
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step && choices.length) choose((active + step + choices.length) % choices.length);
        else if (event.key === "Enter") end(choices[active] ?? null);
        else return;
        event.preventDefault();
      },
      { signal },
    );
    dialog.addEventListener(
      "click",
      (event) => {
        if (event.target === dialog || event.target.closest("[data-do=close]")) end(null);
      },
      { signal },
    );
    dialog.addEventListener(
      "close",
      () => {
        heard.abort();
        list.replaceChildren();
        resolve(answer);
      },
      { signal },
    );
    fill();
    dialog.showModal();
    input.focus();
    input.select();
  });
}
