// The server's answers. Everything here only reads; answers of the user go through the outbox.

/** The server refused: `status` and its sentence. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** A request; returns its JSON. Raises Refused, or TypeError where nobody answers. */
export async function ask(path, options = {}) {
  const response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  if (response.ok) return response.json();
  let sentence = `${response.status} ${response.statusText}`;
  try {
    const text = await response.text();
    sentence = text;
    sentence = JSON.parse(text).error ?? text;
  } catch {
    // the sentence came as plain text
  }
  throw new Refused(response.status, sentence);
}

/** Send to the server. */
export function post(path, body, type = "application/json") {
  return ask(path, { method: "POST", headers: { "X-Desk": "1", "Content-Type": type }, body });
}

const part = encodeURIComponent;

export const state = () => ask("/api/state");
export const person = (label, offset, count, show) =>
  ask(`/api/person/${part(label)}?offset=${offset}&count=${count}&show=${show}`);
export const films = (offset, count) => ask(`/api/films?offset=${offset}&count=${count}`);
export const film = (clip) => ask(`/api/film?clip=${part(clip)}`);
export const groups = (offset, count, hidden) =>
  ask(`/api/groups?offset=${offset}&count=${count}&hidden=${hidden ? 1 : 0}`);
export const group = (clip, track) => ask(`/api/group?clip=${part(clip)}&track=${part(track)}`);
export const search = (image) => post("/api/search", image, image.type || "application/octet-stream");

/** Address of a frame of a clip, at a second of its file. */
export const frame = (clip, time) => `/frame/${part(clip)}.jpg?time=${time.toFixed(3)}`;

/** Address of a few seconds of a clip that any browser plays. */
export const piece = (clip, from, seconds) =>
  `/play/${part(clip)}?from=${Math.max(from, 0).toFixed(3)}&seconds=${seconds}`;
