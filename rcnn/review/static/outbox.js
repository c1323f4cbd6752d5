// Answers wait here until the server has them: stored in the browser, sent in order, repeated until acknowledged.
//
// Each answer carries a token, and the server accepts a token once, so repeating an answer changes nothing. Answers left
// by a closed window are sent by another window of this desk, or by this one when it is reopened.

import { post } from "./api.js";

const PREFIX = "desk-answer:";
const FIRST_WAIT = 400;
const LONGEST_WAIT = 4000; // milliseconds between two attempts
const WRONG_KEY = 403;
const NEVER = [400, 404, 409, 413, 422]; // permanent refusals of the server
const TOKEN_BYTES = 16;

/** A random token. `crypto.randomUUID` is missing when the page is opened over plain HTTP from another machine. */
function token() {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function ownWindow() {
  try {
    const found = sessionStorage.getItem("desk-window");
    if (found) return found;
    const made = token();
    sessionStorage.setItem("desk-window", made);
    return made;
  } catch {
    return token(); // storage is unavailable
  }
}

export class Outbox extends EventTarget {
  /** `sent` receives each answer with the server's reply, `refused` each answer with the reason; `run` names the run. */
  constructor({ sent, refused }) {
    super();
    this.window = ownWindow();
    this.run = null;
    this.queue = [];
    this.done = new Map(); // token -> its pending promise
    this.sent = sent;
    this.refused = refused;
    this.trouble = ""; // "", "offline" or "locked"
    this.wait = FIRST_WAIT;
    this.serial = 0;
    this.busy = false;
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => this.hurry());
  }

  /** Use this run from now on, and send its stored answers. */
  open(run) {
    if (this.run === run) return;
    this.run = run;
    const known = new Set(this.queue.map((one) => one.body.token));
    for (const key of this.kept()) {
      const one = this.read(key);
      if (one && one.run === run && !known.has(one.body.token)) this.queue.push({ ...one, key });
    }
    this.queue.sort((a, b) => (a.key < b.key ? -1 : 1));
    this.tell();
    this.hurry();
  }

  kept() {
    try {
      return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    } catch {
      return [];
    }
  }

  read(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  }

  /** Store an answer and send it. Returns a promise of the server's reply; it never rejects; null means refused. */
  add(answer) {
    const body = { token: token(), window: this.window, ...answer };
    this.serial += 1;
    const key = `${PREFIX}${String(Date.now()).padStart(15, "0")}:${String(this.serial).padStart(6, "0")}:${body.token}`;
    const one = { key, run: this.run, body };
    try {
      localStorage.setItem(key, JSON.stringify({ run: this.run, body }));
    } catch {
      // storage is full or disabled: the answer waits only in this page
    }
    this.queue.push(one);
    const promise = new Promise((resolve) => this.done.set(body.token, resolve));
    this.tell();
    this.send();
    return promise;
  }

  get left() {
    return this.queue.length;
  }

  hurry() {
    clearTimeout(this.timer);
    this.wait = FIRST_WAIT;
    this.send();
  }

  async send() {
    if (this.busy) return;
    this.busy = true;
    clearTimeout(this.timer);
    try {
      while (this.queue.length) await this.one(this.queue[0]);
    } catch (error) {
      this.trouble = error.status === WRONG_KEY ? "locked" : "offline";
      this.timer = setTimeout(() => this.send(), this.wait);
      this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
    } finally {
      this.busy = false;
      this.tell();
    }
  }

  async one(first) {
    let said = null;
    try {
      said = await post("/api/answer", JSON.stringify(first.body));
    } catch (error) {
      if (!NEVER.includes(error.status)) throw error;
      this.drop(first);
      this.refused(first.body, error.message);
      this.settle(first, null);
      return;
    }
    this.trouble = "";
    this.wait = FIRST_WAIT;
    this.drop(first);
    this.sent(first.body, said);
    this.settle(first, said);
  }

  drop(one) {
    this.queue.shift();
    try {
      localStorage.removeItem(one.key);
    } catch {
      // nothing was stored
    }
  }

  settle(one, said) {
    this.done.get(one.body.token)?.(said);
    this.done.delete(one.body.token);
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
}
