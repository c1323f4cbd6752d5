// A virtual list: only rows in view exist. Rows have equal height; pages are loaded when near the view.

const PAGE = 100;
const BEYOND = 400; // pixels rendered above and below the view
const TRIES = 4; // to load an item of a list that changes meanwhile
const TALLEST = 15_000_000; // pixels; browsers limit the height of elements

export class VirtualList {
  /**
   * node : a list; its style has `--row` and `--column`, height and minimum width of a row in pixels
   * scroller : the element around it that scrolls, null for the page
   * load : (offset, count) -> promise of {total, items}
   * draw : (item, index) -> element; null items are drawn as loading placeholders
   */
  constructor({ node, scroller = null, load, draw }) {
    Object.assign(this, { node, scroller, load, draw });
    node.classList.add("virtual");
    node.replaceChildren();
    this.rows = new Map(); // index -> element
    this.items = [];
    this.total = 0;
    this.pages = new Map(); // number -> promise
    this.age = 0;
    this.later = () => {
      this.frame ??= requestAnimationFrame(() => {
        this.frame = null;
        this.place();
      });
    };
    (scroller ?? window).addEventListener("scroll", this.later, { passive: true });
    this.watch = new ResizeObserver(() => this.measure());
    this.watch.observe(node);
    this.measure();
  }

  close() {
    (this.scroller ?? window).removeEventListener("scroll", this.later);
    this.watch.disconnect();
    cancelAnimationFrame(this.frame);
    this.closed = true;
  }

  measure() {
    const style = getComputedStyle(this.node);
    const pixels = (name, other) => parseFloat(style.getPropertyValue(name)) || other;
    this.height = pixels("--row", 80);
    const width = pixels("--column", 0);
    this.width = this.node.clientWidth; // cached, because reading it while rows are created forces a layout each time
    this.columns = width ? Math.max(1, Math.floor(this.width / width)) : 1;
    this.resize();
  }

  /** Number of reachable rows. */
  get reach() {
    return Math.min(this.total, Math.floor(TALLEST / this.height) * this.columns);
  }

  resize() {
    this.node.style.height = `${Math.ceil(this.reach / this.columns) * this.height}px`;
    this.place(true);
  }

  /** Rows in view: the first, and one past the last. */
  range(beyond = BEYOND) {
    const box = this.node.getBoundingClientRect();
    const view = this.scroller?.getBoundingClientRect() ?? { top: 0, bottom: innerHeight };
    const first = Math.max(0, Math.floor((view.top - box.top - beyond) / this.height));
    const last = Math.max(0, Math.ceil((view.bottom - box.top + beyond) / this.height));
    return [first * this.columns, Math.min(last * this.columns, this.reach)];
  }

  place(again = false) {
    if (this.closed) return;
    const [first, last] = this.range();
    for (const [index, row] of this.rows) {
      if (index >= first && index < last && !again) continue;
      if (index < first || index >= last) {
        if (row.contains(document.activeElement)) continue; // scrolling must not remove the focused row
        row.remove();
        this.rows.delete(index);
      }
    }
    for (let index = first; index < last; index += 1) {
      if (!this.rows.has(index)) this.put(index);
      if (again) this.move(this.rows.get(index), index);
    }
    if (last > first) {
      for (let page = Math.floor(first / PAGE); page <= Math.floor((last - 1) / PAGE); page += 1) this.fetch(page);
    }
  }

  put(index) {
    const item = this.items[index];
    const row = item ? this.draw(item, index) : this.blank();
    row.classList.add("row");
    row.dataset.index = index;
    row.setAttribute("aria-posinset", index + 1);
    row.setAttribute("aria-setsize", this.total);
    this.move(row, index);
    const old = this.rows.get(index);
    if (old) old.replaceWith(row);
    else this.insert(row, index);
    this.rows.set(index, row);
  }

  /** Insert in list order, so that the keyboard and screen readers follow the visible order. */
  insert(row, index) {
    let next = null;
    for (const other of this.node.children) {
      if (Number(other.dataset.index) > index) {
        next = other;
        break;
      }
    }
    this.node.insertBefore(row, next);
  }

  move(row, index) {
    const column = index % this.columns;
    row.style.transform = `translate(${100 * column}%, ${Math.floor(index / this.columns) * this.height}px)`;
    row.style.width = `${100 / this.columns}%`;
  }

  blank() {
    const row = document.createElement("li");
    row.className = "blank";
    if (this.node.getAttribute("role") === "listbox") {
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", "false");
    }
    return row;
  }

  fetch(page) {
    if (!this.pages.has(page)) this.pages.set(page, this.fill(page));
    return this.pages.get(page);
  }

  async fill(page) {
    const age = this.age;
    let found;
    try {
      found = await this.load(page * PAGE, PAGE);
    } catch (error) {
      if (age === this.age) this.pages.delete(page);
      throw error;
    }
    if (age !== this.age || this.closed) return; // requested before the list changed
    this.take(page, found);
  }

  take(page, { total, items }) {
    items.forEach((item, n) => {
      this.items[page * PAGE + n] = item;
    });
    if (total !== this.total) {
      this.total = total;
      this.items.length = Math.max(Math.min(this.items.length, total), 0);
      this.resize();
    }
    const [first, last] = this.range();
    for (let index = Math.max(first, page * PAGE); index < Math.min(last, (page + 1) * PAGE); index += 1) this.put(index);
  }

  /** Reload the pages in view without moving anything; resolves when they are loaded. */
  async refresh() {
    this.age += 1;
    const age = this.age;
    const [first, last] = this.range();
    const from = Math.floor(first / PAGE);
    const to = Math.max(from, Math.floor(Math.max(last - 1, 0) / PAGE));
    this.pages.clear();
    const wanted = Array.from({ length: to - from + 1 }, (_, n) => from + n);
    const found = await Promise.all(wanted.map((page) => this.load(page * PAGE, PAGE)));
    if (age !== this.age || this.closed) return false;
    this.items = []; // those out of view are reloaded when visible
    wanted.forEach((page, n) => {
      this.pages.set(page, Promise.resolve());
      this.take(page, found[n]);
    });
    for (const [index, row] of this.rows) {
      if (index < this.reach) continue;
      row.remove();
      this.rows.delete(index);
    }
    return true;
  }

  /** Redraw the rows in view. */
  redraw() {
    for (const index of [...this.rows.keys()]) if (this.items[index]) this.put(index);
  }

  /** Remove an item; later ones move up. */
  remove(index) {
    this.items.splice(index, 1);
    this.change(-1);
  }

  /** Insert an item; later ones move down. */
  insertItem(index, item) {
    this.items.splice(index, 0, item);
    this.change(1);
  }

  change(by) {
    this.age += 1; // pending replies have the old numbers
    this.pages.clear();
    this.total = Math.max(this.total + by, 0);
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    const whole = Math.floor(this.items.length / PAGE);
    for (let page = 0; page < whole; page += 1) {
      if (this.items[page * PAGE] && this.items[(page + 1) * PAGE - 1]) this.pages.set(page, Promise.resolve());
    }
    this.resize();
  }

  /** The item at an index, loaded if necessary; undefined past the end. */
  async at(index) {
    // a reply is discarded if the list has changed, so it may need a retry
    for (let tries = 0; tries < TRIES && !this.items[index] && index < Math.max(this.total, 1); tries += 1) {
      this.pages.delete(Math.floor(index / PAGE));
      await this.fetch(Math.floor(index / PAGE));
    }
    return this.items[index];
  }

  /** Scroll a row into view. */
  reveal(index) {
    const top = Math.floor(index / this.columns) * this.height;
    const [first, last] = this.range(0);
    if (index >= first + this.columns && index < last - this.columns) return;
    if (this.scroller) {
      const view = this.scroller.clientHeight;
      const place = top;
      if (place < this.scroller.scrollTop) this.scroller.scrollTop = place;
      else if (place + this.height > this.scroller.scrollTop + view) this.scroller.scrollTop = place + this.height - view;
    } else {
      const box = this.node.getBoundingClientRect();
      if (box.top + top < 0) scrollBy(0, box.top + top - this.height);
      else if (box.top + top + this.height > innerHeight) scrollBy(0, box.top + top + 2 * this.height - innerHeight);
    }
    this.place();
  }
}
