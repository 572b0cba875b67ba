const PAGE = 50;
const TERM = /^(\w+)(<=|>=|!=|=|<|>)(.*)$/;
const TESTS = {
  "=": (a, b) => a === b, "!=": (a, b) => a !== b, "<": (a, b) => a < b,
  ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
};

// What a filter such as "memory=linear d>=64 sphere" keeps: all of its words hold.
function matcher(table, text) {
  const terms = text.split(/\s+/).filter(Boolean).map((word) => {
    const [, column, sign, right] = TERM.exec(word) ?? [];
    if (column === undefined) {
      const low = word.toLowerCase();
      return (row) => table.names.some((n) => said(table.value(n, row)).toLowerCase().includes(low));
    }
    if (!table.names.includes(column) && !(column in table.shared))
      throw new RangeError(`No column ${column} here; columns: ${table.names.join(", ")}.`);
    const number = right !== "" && Number.isFinite(Number(right));
    return (row) => {
      const value = table.value(column, row);
      if (number && typeof value === "number") return TESTS[sign](value, Number(right));
      return TESTS[sign](String(value ?? ""), right);
    };
  });
  return (row) => terms.every((holds) => holds(row));
}

// The rows that a filter leaves, in order.
function arranged(table, { filter, sort, sign }) {
  const keep = matcher(table, filter);
  const rows = Array.from({ length: table.count }, (_, row) => row).filter(keep);
  if (sort) rows.sort((a, b) => compare(table.value(sort, a), table.value(sort, b), sign) || a - b);
  return rows;
}

// The part of a table that is on one page; `open` rows show all that is known of them.
function drawTable(table, rows, state, on) {
  const header = table.names.map((name) => {
    const sorted = state.sort === name ? (state.sign > 0 ? "ascending" : "descending") : "none";
    const button = make("button", { type: "button", click: () => on.sort(name) }, name.replaceAll("_", " "));
    return make("th", { scope: "col", "aria-sort": sorted }, button);
  });
  const body = make("tbody");
  for (const row of rows.slice(state.page * PAGE, (state.page + 1) * PAGE)) {
    const open = state.open === row;
    const toggle = make("button", {
      type: "button", class: "row", "aria-expanded": String(open),
      "aria-label": `row ${row}`, click: () => on.open(open ? null : row),
    }, `${open ? "▾" : "▸"} ${row}`);
    const cells = table.names.map((name) => make("td", {}, said(table.value(name, row))));
    body.append(make("tr", { class: open ? "open" : null, "data-row": row }, make("td", {}, toggle), ...cells));
    if (open) body.append(make("tr", { class: "detail" }, make("td", { colspan: cells.length + 1 }, on.detail(row))));
  }
  const head = make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "row"), ...header));
  return make("table", {}, head, body);
}

// Sorting of the tables that are part of the page.
function sortable(table) {
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  const key = (row, i) => {
    const text = row.cells[i].textContent.trim();
    const number = parseFloat(text.replaceAll(",", "").replace(/^[^\d.-]+/, ""));
    return text === "" || text === "-" ? null : i > 0 && Number.isFinite(number) ? number : text;
  };
  headers.forEach((header, i) => {
    const button = make("button", { type: "button" }, ...header.childNodes);
    header.append(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const sign = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      headers.forEach((other) => other.setAttribute("aria-sort", "none"));
      header.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      body.append(...[...body.rows].sort((a, b) => compare(key(a, i), key(b, i), sign)));
    });
  });
}
