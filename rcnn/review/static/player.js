// Plays a clip from a second, with the box on top. The server converts clips that the browser can't play, piece by piece.

import { frame, piece } from "./api.js";
import { button, clock, make } from "./dom.js";

const BOX_SECONDS = 0.7; // the box is shown this long before and after its moment, because faces move
const PIECE_SECONDS = 8;
const SHORTEST = 1; // seconds, smallest length to play
const START_WAIT = 250; // milliseconds; clips that are skipped sooner are not requested
const PLAYS = "desk-plays";

export const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Player {
  constructor() {
    this.box = make("div", { class: "box", hidden: true });
    this.still = make("img", { class: "still", alt: "" });
    this.video = make("video", { playsinline: true, preload: "auto", hidden: true, tabindex: -1 });
    this.video.muted = true;
    this.trouble = make("p", { class: "trouble", hidden: true });
    this.picture = make("div", { class: "picture" }, this.still, this.video, this.box);
    this.switch = button("Play", () => this.toggle(), { key: "space" });
    this.sound = button("Sound on", () => this.hear());
    this.when = make("span", { class: "when" });
    this.node = make(
      "div",
      { class: "player", role: "group", "aria-label": "Clip" },
      make("div", { class: "screen" }, this.picture),
      this.trouble,
      make("div", { class: "buttons" }, this.switch, this.sound, this.when),
    );
    this.still.addEventListener("load", () => this.shape(this.still.naturalWidth, this.still.naturalHeight));
    this.still.addEventListener("error", () => this.still.classList.add("none"));
    this.video.addEventListener("loadedmetadata", () => this.ready());
    this.video.addEventListener("seeked", () => this.reveal());
    this.video.addEventListener("playing", () => this.reveal());
    this.video.addEventListener("error", () => this.failed());
    this.video.addEventListener("ended", () => this.again());
    for (const event of ["play", "pause"]) this.video.addEventListener(event, () => this.words());
    this.words();
  }

  /** Show a track: first the frame of its best face, then the clip, unless reduced motion is set or the user stopped it. */
  show(item) {
    if (this.item && this.item.clip === item.clip && this.item.track === item.track) return;
    this.stop();
    this.item = item;
    this.still.classList.remove("none");
    this.still.src = frame(item.clip, item.time);
    this.still.alt = `The frame at ${clock(item.time)}`;
    this.draw();
    this.mark(true);
    this.when.textContent = clock(item.time);
    this.trouble.textContent = item.plays ? "" : `Nothing plays here: ${item.why || "the file is gone"}.`;
    this.trouble.hidden = Boolean(item.plays);
    this.switch.disabled = this.sound.disabled = !item.plays;
    if (this.plays && item.plays) this.timer = setTimeout(() => this.play(), START_WAIT);
  }

  /** Whether clips play automatically. */
  get plays() {
    return !calm.matches && sessionStorage.getItem(PLAYS) !== "no";
  }

  toggle() {
    if (!this.item?.plays) return;
    const plays = this.isPlaying;
    sessionStorage.setItem(PLAYS, plays ? "no" : "yes");
    if (plays) this.video.pause();
    else if (this.video.getAttribute("src")) this.start();
    else this.play();
    this.words();
  }

  get isPlaying() {
    return Boolean(this.video.getAttribute("src")) && !this.video.paused;
  }

  play() {
    clearTimeout(this.timer);
    if (!this.item?.plays) return;
    this.asPiece = this.item.plays.startsWith("/play/");
    this.load();
  }

  /** Time in the file where the video's own time is 0, seconds. */
  get zero() {
    return this.asPiece ? this.from : 0;
  }

  load() {
    this.from = Math.max(this.item.start, this.item.time - BOX_SECONDS);
    this.video.src = this.asPiece ? piece(this.item.clip, this.from, PIECE_SECONDS) : this.item.plays;
    this.start();
  }

  start() {
    this.video.play().catch(() => this.words()); // replaced by the next clip, or the browser requires a click
    this.words();
  }

  ready() {
    this.shape(this.video.videoWidth, this.video.videoHeight);
    if (!this.asPiece) this.video.currentTime = Math.max(this.item.start, this.item.time - BOX_SECONDS);
  }

  reveal() {
    if (!this.item || !this.video.getAttribute("src")) return;
    if (this.video.readyState < 2) return;
    this.video.hidden = false;
    this.follow();
  }

  /** Move the box and the clock with the video; restart after the end of the track. */
  follow() {
    cancelAnimationFrame(this.frame);
    const step = () => {
      if (!this.item || this.video.hidden) return;
      const now = this.zero + this.video.currentTime;
      this.when.textContent = clock(now);
      const { start, end, time } = this.item; // beyond a cut, the box would surround somebody else
      this.mark(now >= start && now <= end && Math.abs(now - time) <= BOX_SECONDS);
      if (now > Math.max(this.item.end, this.item.start + SHORTEST)) this.again();
      if (!this.video.paused) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  again() {
    if (!this.item) return;
    this.video.currentTime = this.asPiece ? 0 : this.item.start;
    if (this.plays) this.start();
  }

  failed() {
    if (!this.video.getAttribute("src")) return;
    if (!this.asPiece) {
      this.asPiece = true;
      this.load();
      return;
    }
    this.quiet();
    this.trouble.textContent = "This clip can't be played: its file is gone, or damaged. The picture is what was kept of it.";
    this.trouble.hidden = false;
    this.words();
  }

  hear() {
    this.video.muted = !this.video.muted;
    this.words();
  }

  words() {
    const plays = this.isPlaying;
    this.switch.firstChild.textContent = plays ? "Stop" : "Play";
    this.sound.textContent = this.video.muted ? "Sound on" : "Sound off";
  }

  /** Set the picture's aspect ratio, so that fractions of the frame are fractions of its element. */
  shape(width, height) {
    if (width && height) this.picture.style.setProperty("--ratio", width / height);
  }

  draw() {
    const [x, y, width, height] = this.item.box;
    for (const [name, value] of Object.entries({ left: x, top: y, width, height })) this.box.style[name] = `${100 * value}%`;
  }

  mark(on) {
    this.box.hidden = !on;
  }

  quiet() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.video.hidden = true;
    if (!this.video.getAttribute("src")) return;
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }

  stop() {
    this.quiet();
    this.item = null;
    this.words();
  }
}
