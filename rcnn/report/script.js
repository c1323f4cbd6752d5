"use strict";
// Search by name, label or file, sort order, and view. Without this script the page shows everything, sorted by label.
(() => {
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const byId = (id) => document.getElementById(id);
  const search = byId("search");
  const order = byId("order");
  const status = byId("status");

  // also prints the folded parts
  const folds = document.querySelectorAll("details.fold");
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...folds].filter((fold) => !fold.open);
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
  });

  if (!search) return;
  const box = byId("cards");
  const nobody = byId("nobody");
  const cards = [...box.children].map((node, index) => ({
    node,
    index,
    label: node.dataset.label,
    name: node.dataset.name,
    key: plain([node.dataset.name, ...[...node.querySelectorAll(".file")].map((file) => file.title)].join("\n")),
    ap: node.dataset.ap === undefined ? NaN : Number(node.dataset.ap),
    clips: Number(node.dataset.clips ?? 0),
  }));
  const panels = [...document.querySelectorAll("#panels > article")].map((node) => ({
    node,
    key: plain(`${node.dataset.file}\n${node.dataset.people}`),
  }));
  const compare = {
    label: (a, b) => a.index - b.index,
    name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }) || a.index - b.index,
    // people without an average precision are last in both orders
    worst: (a, b) => Number.isNaN(a.ap) - Number.isNaN(b.ap) || a.ap - b.ap || a.index - b.index,
    best: (a, b) => Number.isNaN(a.ap) - Number.isNaN(b.ap) || b.ap - a.ap || a.index - b.index,
    most: (a, b) => b.clips - a.clips || a.index - b.index,
  };
  let view = "cards";

  function find() {
    const wanted = plain(search.value.trim());
    let shown = 0;
    for (const card of cards) {
      card.node.hidden = !(card.key.includes(wanted) || card.label.startsWith(wanted));
      shown += !card.node.hidden;
    }
    let clips = 0;
    for (const panel of panels) {
      panel.node.hidden = !panel.key.includes(wanted);
      clips += !panel.node.hidden;
    }
    nobody.hidden = shown > 0 || view !== "cards";
    if (byId("no-clip")) byId("no-clip").hidden = clips > 0;
    const counted = (count, one, many) => `${count} ${count === 1 ? one : many}`;
    status.textContent = view === "cards"
      ? `${shown} of ${counted(cards.length, "person", "people")}`
      : `${clips} of ${counted(panels.length, "clip", "clips")}`;
  }

  function sort() {
    box.append(...[...cards].sort(compare[order.value]).map((card) => card.node));
  }

  // The view by clip reuses the cards' pictures.
  function fill() {
    const faces = new Map();
    for (const { node, label } of cards) {
      for (const seen of node.querySelectorAll("li[data-clip] > img")) {
        const key = `${label}\n${seen.parentNode.dataset.clip}`;
        if (!faces.has(key)) faces.set(key, seen.src);
      }
    }
    for (const line of document.querySelectorAll("#panels li[data-who]")) {
      const source = faces.get(`${line.dataset.who}\n${line.dataset.clip}`);
      const place = line.querySelector(".small");
      if (!source || place.firstChild) continue;
      const image = new Image();
      image.alt = "";
      image.src = source;
      place.append(image);
    }
  }

  function show(which) {
    view = which;
    box.hidden = which !== "cards";
    byId("clips").hidden = which !== "clips";
    for (const part of document.querySelectorAll("[data-view]")) {
      part.setAttribute("aria-pressed", String(part.dataset.view === which));
    }
    for (const part of document.querySelectorAll(".absent")) part.hidden = which !== "cards";
    if (which === "clips") fill();
    find();
  }

  if (byId("clips")) {
    document.querySelector(".views").hidden = false;
    document.querySelector(".views").addEventListener("click", (event) => {
      const chosen = event.target.closest("[data-view]");
      if (chosen) show(chosen.dataset.view);
    });
    // a name in the view by clip links to its card
    byId("panels").addEventListener("click", (event) => {
      const link = event.target.closest("a[href^='#label-']");
      if (link && document.querySelector(link.getAttribute("href"))) {
        search.value = "";
        show("cards");
      }
    });
  }
  search.addEventListener("input", find);
  order.addEventListener("change", sort);
  search.form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && event.target === search && search.value) {
      event.preventDefault();
      search.value = "";
      find();
    }
  });
  // on returning to the page, browsers restore the typed text
  if (byId("clips")) show("cards");
  else find();
  sort();
})();
