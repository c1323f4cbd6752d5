"use strict";
// Search by name or label, and order of the cards. Without this script the page shows all of them, by label.
(() => {
  const search = document.getElementById("search");
  const order = document.getElementById("order");
  const status = document.getElementById("status");
  if (!search) return;
  const box = document.getElementById("cards");
  const nobody = document.getElementById("nobody");
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const cards = [...box.children].map((node, index) => ({
    node,
    index,
    label: node.dataset.label,
    name: node.dataset.name,
    key: plain(node.dataset.name),
    ap: node.dataset.ap === undefined ? NaN : Number(node.dataset.ap),
  }));
  const compare = {
    label: (a, b) => a.index - b.index,
    name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }) || a.index - b.index,
    // people without an average precision come last either way
    worst: (a, b) => Number.isNaN(a.ap) - Number.isNaN(b.ap) || a.ap - b.ap || a.index - b.index,
    best: (a, b) => Number.isNaN(a.ap) - Number.isNaN(b.ap) || b.ap - a.ap || a.index - b.index,
  };

  function find() {
    const wanted = plain(search.value.trim());
    let shown = 0;
    for (const card of cards) {
      card.node.hidden = !(card.key.includes(wanted) || card.label.startsWith(wanted));
      shown += !card.node.hidden;
    }
    nobody.hidden = shown > 0;
    status.textContent = `${shown} of ${cards.length} people`;
  }

  function sort() {
    box.append(...[...cards].sort(compare[order.value]).map((card) => card.node));
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
  // a browser that comes back to the page fills in what was typed before
  find();
  sort();
})();
