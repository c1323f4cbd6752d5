// Requests to the server. These only read; the user's answers go through the outbox.

/** The server refused a request: `status` and its message. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Send a request; returns its JSON. Throws Refused, or TypeError if the server is unreachable. */
export async function ask(path, options = {}) {
  const response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  if (response.ok) return response.json();
  let sentence = `${response.status} ${response.statusText}`;
  try {
    const text = await response.text();
    sentence = text;
    sentence = JSON.parse(text).error ?? text;
  } catch {
    // the message is plain text
  }
  throw new Refused(response.status, sentence);
}

/** Send a POST request. */
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

/** URL of a clip's frame at a second of its file. */
export const frame = (clip, time) => `/frame/${part(clip)}.jpg?time=${time.toFixed(3)}`;

/** URL of a few seconds of a clip in a format that every browser plays. */
export const piece = (clip, from, seconds) =>
  `/play/${part(clip)}?from=${Math.max(from, 0).toFixed(3)}&seconds=${seconds}`;
