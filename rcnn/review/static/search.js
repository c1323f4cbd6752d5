// Search by a photograph that is dropped onto the page or chosen.

import * as api from "./api.js";
import { button, count, face, keyOf, make, named, parts, share, span, title } from "./dom.js";
import { Player } from "./player.js";
import { VirtualList } from "./list.js";

const LARGEST = 20 << 20; // bytes, limit of the server
const SIDE = 480; // pixels, maximum side of the displayed photograph

export function open() {
  const player = new Player();
  let found = [];
  const input = make("input", { type: "file", id: "photograph", accept: "image/*,.heic,.heif,.avif" });
  const status = make("p", { class: "soft", role: "status" });
  const canvas = make("canvas", { class: "photograph", role: "img", "aria-label": "The photograph", hidden: true });
  const rows = make("ol", { class: "hits", "aria-label": "Tracks, most similar first" });
  const where = make("p", { class: "soft" });
  const main = make("div", { class: "main" }, where, player.node);
  const drop = make(
    "div",
    { class: "drop" },
    make("label", { for: "photograph", text: "A photograph of one person" }),
    input,
    make("p", { class: "soft", text: "Or drop it anywhere on this page. It is not stored." }),
    canvas,
    status,
  );
  const node = make(
    "div",
    { class: "search-view" },
    make("h1", { text: "Search by photograph" }),
    drop,
    make("div", { class: "work" }, make("div", { class: "side" }, rows), main),
  );
  const list = new VirtualList({
    node: rows,
    load: async (offset, number) => ({ total: found.length, items: found.slice(offset, offset + number) }),
    draw,
  });

  function draw(item) {
    const [file] = parts(item.source);
    return make(
      "li",
      {},
      button([face(item.face, 112)], () => look(item), { class: "bare", "aria-label": `Play ${file}, ${span(item.start, item.end)}` }),
      make(
        "span",
        {},
        make("a", { class: "file", href: `#/film/${encodeURIComponent(item.clip)}/${item.track}` }, named(file)),
        make("span", { class: "soft", text: `${span(item.start, item.end)}, ${share(item)}` }),
        make("span", {}, named(title(item.verdict === "no" && item.answer !== "yes" ? "" : item.name))),
      ),
    );
  }

  function look(item) {
    main.hidden = false;
    const [file] = parts(item.source);
    where.replaceChildren(named(file), ` ${span(item.start, item.end)}`);
    player.show(item);
  }

  async function picture(photograph, faces = []) {
    let image;
    try {
      image = await createImageBitmap(photograph);
    } catch {
      canvas.hidden = true; // the browser can't display this format; the server may be able to read it
      return;
    }
    const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
    canvas.width = Math.round(image.width * scale);
    canvas.height = Math.round(image.height * scale);
    const paper = canvas.getContext("2d");
    paper.drawImage(image, 0, 0, canvas.width, canvas.height);
    paper.strokeStyle = getComputedStyle(canvas).getPropertyValue("--mark");
    paper.lineWidth = 3;
    for (const { box: [x, y, width, height] } of faces) {
      paper.strokeRect(x * canvas.width, y * canvas.height, width * canvas.width, height * canvas.height);
    }
    canvas.hidden = false;
  }

  async function take(photograph) {
    if (photograph.size > LARGEST) {
      status.textContent = "This file is larger than 20 MB; give a smaller one.";
      return;
    }
    status.textContent = "Searching …";
    picture(photograph);
    let answer;
    try {
      answer = await api.search(photograph);
    } catch (error) {
      found = [];
      status.textContent = error.status ? error.message : "The desk does not answer; try again.";
      rows.hidden = main.hidden = true;
      return;
    }
    found = answer.items;
    await picture(photograph, answer.faces);
    const who = answer.name ? [" Most like ", named(answer.name), "."] : [];
    status.replaceChildren(
      answer.faces.length ? `${count(answer.faces.length, "face")}, ${count(found.length, "track")}.` : "No face was found in it.",
      ...who,
    );
    rows.hidden = !found.length;
    await list.refresh();
    if (found.length) look(found[0]);
    else main.hidden = true;
  }

  input.addEventListener("change", () => input.files.length && take(input.files[0]));
  rows.hidden = main.hidden = true;
  return {
    node,
    title: "Search",
    keys: [{ key: " ", words: "play, stop", run: () => player.toggle() }],
    drop: take,
    close() {
      player.stop();
      list.close();
    },
  };
}
