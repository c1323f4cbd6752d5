// State shared by all views: the run, pending answers, and changes from other windows.

import * as api from "./api.js";
import { count, say } from "./dom.js";
import { Outbox } from "./outbox.js";

const CALM_DOWN = 150; // milliseconds within which several changes are merged
const CHECK = 2000; // milliseconds between checks whether the server is back

export class Memory extends EventTarget {
  constructor() {
    super();
    this.state = null;
    this.outbox = new Outbox({
      sent: (body, said) => this.acknowledged(body, said),
      refused: (body, why) => this.refused(body, why),
    });
    this.outbox.addEventListener("change", () => this.tell("trouble"));
    this.lost = false; // whether the event stream is broken
  }

  /** Read the state; retries until the server answers. */
  async start() {
    for (;;) {
      try {
        this.take(await api.state());
        break;
      } catch (error) {
        this.lost = true;
        this.locked = error.status === 403;
        this.tell("trouble");
        await new Promise((resolve) => setTimeout(resolve, CHECK));
      }
    }
    this.lost = this.locked = false;
    this.listen();
    this.tell("trouble");
  }

  listen() {
    this.news?.close();
    this.news = new EventSource("/api/events");
    this.news.addEventListener("open", () => {
      this.lost = this.locked = false;
      this.outbox.hurry();
      this.tell("trouble");
      this.renew(); // changes may have been missed
    });
    this.news.addEventListener("revision", () => this.renew());
    this.news.addEventListener("groups", () => this.tell("news"));
    this.news.addEventListener("error", () => {
      this.lost = true;
      this.tell("trouble");
      // browsers do not retry a refused stream
      if (this.news.readyState === EventSource.CLOSED) setTimeout(() => this.start(), CHECK);
    });
  }

  /** Schedule a reload of the state and notify the views. */
  renew() {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      try {
        const state = await api.state();
        if (state.revision === this.state?.revision && this.drawn === state.revision) return;
        this.take(state);
      } catch {
        this.tell("trouble");
        return;
      }
      this.drawn = this.state.revision;
      this.tell("news");
    }, CALM_DOWN);
  }

  take(state) {
    this.state = state;
    this.people = new Map(state.people.map((one) => [one.label, one]));
    this.outbox.open(state.run);
    this.tell("state");
  }

  name(label) {
    return this.people.get(label)?.name ?? "";
  }

  /** Send an answer; returns a promise of the server's reply, null if refused. */
  answer(kind, more = {}) {
    return this.outbox.add({ kind, ...more });
  }

  acknowledged(body, said) {
    if (said?.state && said.state.revision >= (this.state?.revision ?? 0)) this.take(said.state);
    this.renew();
  }

  refused(body, why) {
    say(`Not done: ${why}`);
    this.dispatchEvent(new CustomEvent("refused", { detail: body }));
    this.renew();
  }

  /** Why answers can't be sent, in words; empty if they can. */
  get trouble() {
    const left = this.outbox.left;
    const waiting = left ? ` ${count(left, "answer waits", "answers wait")} here and will be sent then.` : "";
    if (this.locked || this.outbox.trouble === "locked") {
      return `The desk was started again with another key. Open the address that it printed.${waiting}`;
    }
    if (this.lost || this.outbox.trouble === "offline") {
      return `The desk does not answer. Is it still running? This page tries again by itself.${waiting}`;
    }
    return "";
  }

  tell(what) {
    this.dispatchEvent(new Event(what));
  }
}
