// What a plot shows at first: of these columns the first two that vary.
const AXES = {
  x: ["parameters", "weights", "predicted_facts", "steps", "n", "d"],
  y: ["capacity", "facts_step", "facts_per_parameter", "weights", "accuracy", "loss"],
  colour: ["memory", "method", "construction", "activation", "optimizer", "relations", "m", "seed"],
};

// Rows of one experiment: kinds in tabs; a filter, a plot and a table of what it leaves.
class Explorer {
  constructor(root, data) {
    Object.assign(this, { root, data, points: [] });
    this.tables = Object.fromEntries(Object.entries(data.tables).map(([n, t]) => [n, tableOf(n, t)]));
    this.show(data.main);
  }

  show(name, filter = "", open = null) {
    this.table = this.tables[name];
    this.state = { filter, sort: null, sign: 1, page: 0, open, ...this.firstAxes() };
    this.layOut();
    this.change({});
    if (open !== null) this.reveal(open);
  }

  firstAxes() {
    const { numeric, names } = this.table;
    const first = (wanted, from, not) => wanted.find((n) => from.includes(n) && n !== not);
    const x = first(AXES.x, numeric) ?? numeric[0] ?? null;
    const y = first(AXES.y, numeric, x) ?? numeric.find((n) => n !== x) ?? x;
    const colour = first(AXES.colour, names) ?? null;
    return { x, y, colour, logX: this.spreads(x), logY: this.spreads(y) };
  }

  spreads(name) {
    const values = Array.from({ length: this.table.count }, (_, i) => this.table.value(name, i)).filter((v) => v !== null);
    if (!values.length) return false;
    const low = values.reduce((a, b) => Math.min(a, b));
    return low > 0 && values.reduce((a, b) => Math.max(a, b)) / low > 20;
  }

  layOut() {
    const { table } = this;
    const tabs = Object.values(this.tables).map((other) => make("button", {
      type: "button", role: "tab", "aria-selected": String(other === table),
      click: () => this.show(other.name),
    }, `${other.count.toLocaleString("en")} ${other.name}`));
    const search = make("input", {
      type: "search", value: this.state.filter, placeholder: "memory=linear d>=64",
      input: (event) => this.change({ filter: event.target.value, page: 0 }),
    });
    const pick = (field, names) => make("select", { change: (e) => this.axis(field, e.target.value) },
      ...names.map((n) => make("option", { value: n, selected: n === this.state[field] }, n.replaceAll("_", " "))));
    const tick = (field) => make("input", {
      type: "checkbox", checked: this.state[field], change: (e) => this.change({ [field]: e.target.checked }),
    });
    const label = (text, input, kind = null) => make("label", { class: kind }, text, input);
    this.canvas = make("canvas", {
      role: "img", "aria-label": "Plot of the rows in the table below",
      mousemove: (e) => this.point(e, false), mouseleave: () => this.hint.setAttribute("hidden", ""),
      click: (e) => this.point(e, true),
    });
    this.hint = make("div", { class: "hint", hidden: true });
    this.key = make("div", { class: "key" });
    this.count = make("p", { class: "note", role: "status" });
    this.place = make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": `Table of ${table.name}` });
    this.pager = make("div", { class: "controls" });
    const same = Object.entries(table.shared).map(([name, value]) => `${name.replaceAll("_", " ")} ${said(value)}`);
    this.root.replaceChildren(
      make("div", { class: "controls", role: "tablist" }, ...tabs),
      make("div", { class: "controls" }, label("Keep rows with", search, "grow")),
      ...(this.state.x === null ? [] : [
        make("div", { class: "controls" }, label("across", pick("x", table.numeric)), label("log", tick("logX"), "tick"),
          label("up", pick("y", table.numeric)), label("log", tick("logY"), "tick"), label("colour", pick("colour", table.names))),
        make("div", { class: "plot" }, this.canvas, this.hint), this.key]),
      this.count, this.place, this.pager,
      make("p", { class: "note" }, `The same in all of them: ${same.join(", ")}.`));
  }

  axis(field, name) {
    const log = { x: "logX", y: "logY" }[field];
    this.change({ [field]: name, ...(log ? { [log]: this.spreads(name) } : {}) });
    for (const [box, key] of [[0, "logX"], [1, "logY"]])
      this.root.querySelectorAll("input[type=checkbox]")[box].checked = this.state[key];
  }

  change(changes) {
    Object.assign(this.state, changes);
    try {
      this.rows = arranged(this.table, this.state);
    } catch (error) {
      this.count.textContent = error.message;
      return;
    }
    this.count.textContent = `${this.rows.length.toLocaleString("en")} of ${this.table.count.toLocaleString("en")} ${this.table.name}`;
    this.fill();
    this.plot();
  }

  fill() {
    const focused = this.root.contains(document.activeElement) && document.activeElement.textContent;
    this.place.replaceChildren(drawTable(this.table, this.rows, this.state, {
      sort: (name) => this.change({ sort: name, sign: this.state.sort === name ? -this.state.sign : 1, page: 0 }),
      open: (row) => this.change({ open: row }),
      detail: (row) => this.detail(row),
    }));
    const pages = Math.max(1, Math.ceil(this.rows.length / PAGE));
    const turn = (text, page) => make("button", { type: "button", disabled: page < 0 || page >= pages, click: () => this.change({ page }) }, text);
    this.pager.replaceChildren(turn("Previous", this.state.page - 1), `page ${this.state.page + 1} of ${pages}`, turn("Next", this.state.page + 1));
    if (focused) [...this.place.querySelectorAll("button")].find((b) => b.textContent.slice(1) === focused.slice(1))?.focus();
  }

  plot() {
    if (this.state.x === null) return;
    const { points, groups, colourOf } = drawPlot(this.canvas, this.table, this.rows, this.state);
    this.points = points;
    this.key.replaceChildren(...groups.slice(0, 24).map((group, i) => make("span", { style: `--dot: ${colourOf[i]}` }, group || "none")));
  }

  // The point under the mouse: names it, or opens its row.
  point(event, open) {
    const box = this.canvas.getBoundingClientRect();
    const found = nearest(this.points, event.clientX - box.left, event.clientY - box.top);
    this.hint.toggleAttribute("hidden", !found);
    if (!found) return;
    const told = [this.state.colour, this.state.x, this.state.y].filter(Boolean);
    this.hint.textContent = told.map((n) => `${n.replaceAll("_", " ")} ${said(this.table.value(n, found.row))}`).join(", ");
    this.hint.style.left = `${Math.min(found.x + 12, box.width - 180)}px`;
    this.hint.style.top = `${found.y + 12}px`;
    if (open) this.reveal(found.row);
  }

  reveal(row) {
    const page = Math.floor(this.rows.indexOf(row) / PAGE);
    this.change({ open: row, page: Math.max(0, page) });
    const line = this.place.querySelector(`[data-row="${row}"]`);
    line?.scrollIntoView({ block: "center" });
    line?.querySelector("button").focus({ preventScroll: true });
  }

  // All that is known of a row, where else it is told of, and how to make it again.
  detail(row) {
    const { table, data } = this;
    const fields = [...table.names, ...Object.keys(table.shared)];
    const list = fields.map((name) => [name, said(table.value(name, row))]).filter(([, text]) => text !== "")
      .map(([name, text]) => make("div", {}, make("dt", {}, name.replaceAll("_", " ")), make("dd", {}, text)));
    const main = this.tables[data.main];
    const parent = table === main ? row : table.value("of", row);
    const command = `${data.command} ${parent === null ? "" : data.only[parent]}`.trim();
    const parts = Object.values(this.tables).filter((t) => table === main && t !== main && this.holds(t, row));
    const links = parts.map((part) => make("button", { type: "button", click: () => this.show(part.name, `of=${row}`) }, `its ${part.name}`));
    if (table !== main && parent !== null)
      links.push(make("button", { type: "button", click: () => this.show(main.name, "", parent) }, `what it is part of: ${parent}`));
    const plot = this.state.x && make("button", { type: "button", click: () => this.canvas.scrollIntoView({ block: "center" }) }, "show in the plot");
    const link = make("a", { href: `#${data.name}/${table.name}/${row}` }, "link to this row");
    return make("div", {}, make("p", { class: "command" }, make("code", {}, command)),
      make("p", { class: "controls" }, ...links, plot, link), make("dl", {}, ...list));
  }

  holds(part, parent) {
    for (let row = 0; row < part.count; row += 1) if (part.value("of", row) === parent) return true;
    return false;
  }
}

const explorers = new Map();

// Rows are unpacked when they are first looked at.
async function explore(name) {
  const details = document.querySelector(`details[data-rows="${CSS.escape(name)}"]`);
  if (!details) return null;
  details.open = true;
  if (!explorers.has(name)) {
    const text = document.getElementById(`rows-${name}`).textContent;
    explorers.set(name, unpack(text).then((data) => new Explorer(details.querySelector(".explorer"), data)));
  }
  return explorers.get(name);
}

async function follow() {
  const [name, kind, row] = decodeURIComponent(location.hash.slice(1)).split("/");
  if (kind === undefined) return;
  const explorer = await explore(name);
  if (explorer?.tables[kind] && Number(row) < explorer.tables[kind].count) explorer.show(kind, "", Number(row));
}

document.querySelectorAll("table.said").forEach(sortable);
document.querySelectorAll("details.rows").forEach((details) =>
  details.addEventListener("toggle", () => details.open && explore(details.dataset.rows)));
const redraw = () => explorers.forEach(async (explorer) => (await explorer).plot());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
window.addEventListener("resize", redraw);
window.addEventListener("hashchange", follow);
follow();
