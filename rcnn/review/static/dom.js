// Elements and formatting of values. Names are untrusted: text enters the page only as text nodes, and only here.

const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu;
const JOINERS = new Set(["\u200c", "\u200d"]); // required by some scripts and by emoji
const MINUTE = 60;
const HOUR = 3600; // seconds
const SURE = 0.995; // above it, no rounded share is shown, as in the report

/** Text with a replacement mark for invisible characters, such as direction changes. */
export function shown(text) {
  return String(text ?? "").replace(UNSEEN, (sign) => (JOINERS.has(sign) ? sign : "\ufffd"));
}

/** Create an element. `options`: attributes; `on`: listeners, `text`: its text. String children become text nodes. */
export function make(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(options)) {
    if (key === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (key === "text") node.textContent = shown(value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child.nodeType ? child : document.createTextNode(shown(child)));
  }
  return node;
}

/** A button; `key` is shown next to its label. */
export function button(words, listener, { key = "", ...options } = {}) {
  const inside = key ? [words, " ", make("kbd", { text: key })] : [words];
  return make("button", { type: "button", "aria-keyshortcuts": key || null, on: { click: listener }, ...options }, inside);
}

/** A name, isolated from the direction of the surrounding text. */
export const named = (name) => make("bdi", { text: name });

/** A name, or the words for somebody without one. */
export const title = (name) => name || "somebody unknown";

/** A time in a file, such as 1:04 or 1:00:09. */
export function clock(seconds) {
  const all = Math.max(Math.round(seconds), 0);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, left] = [Math.floor(all / HOUR), Math.floor((all % HOUR) / MINUTE), all % MINUTE];
  return hours ? `${hours}:${two(minutes)}:${two(left)}` : `${minutes}:${two(left)}`;
}

/** A time span, to the second. */
export function span(start, end) {
  const [first, last] = [clock(start), clock(Math.max(end, start))];
  return first === last ? first : `${first}-${last}`;
}

/** The probability of the person, or else the cosine, in words. */
export function share(item) {
  const value = item.probability;
  if (value === null || value === undefined || !(value >= 0)) {
    return Number.isFinite(item.cosine) ? `cosine ${item.cosine.toFixed(3)}` : "";
  }
  if (value >= SURE) return "over 99% likely";
  return value < 1 - SURE ? "under 1% likely" : `${Math.round(100 * value)}% likely`;
}

/** A number with its noun in the right form: 1 clip, 2 clips. */
export function count(number, one, many = `${one}s`) {
  return `${Number(number).toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** The file name and the folders of a path. */
export function parts(source) {
  const cut = source.lastIndexOf("/") + 1;
  return [source.slice(cut) || source, source.slice(0, cut)];
}

/** Normalised text for searching: without diacritics, in lower case. */
export const plain = (text) => String(text).normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** The key of a track. */
export const keyOf = (spot) => `${spot.clip}\n${spot.track}`;

/** The image of a face; `size` is its height in pixels. */
export function face(address, size = 112) {
  const image = make("img", { alt: "", decoding: "async", class: "face", width: size, height: size });
  if (address) image.src = `${address}${address.includes("?") ? "&" : "?"}size=${size}`;
  else image.classList.add("none");
  image.addEventListener("error", () => image.classList.add("none"));
  return image;
}

/** Show a message, and announce it to screen readers. */
export function say(words, ...more) {
  const place = document.getElementById("said");
  place.replaceChildren(make("p", {}, words, ...more));
}
