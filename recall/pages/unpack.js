"use strict";

// Undoes packing.pack: base 64, gzip, JSON.
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream();
  const plain = stream.pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(plain).text());
}

// A table of columns: rows are numbers from 0, and hold a value in every column.
function tableOf(name, { count, shared, columns }) {
  const names = Object.keys(columns);
  const value = (column, row) =>
    column in columns ? columns[column][row] : shared[column] ?? null;
  const numeric = names.filter((n) => columns[n].every((v) => v === null || typeof v === "number"));
  return { name, count, shared, names, value, numeric };
}

// An element: attributes that are functions are listeners; text is never markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function said(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return Math.abs(value) < 1e4 ? String(value) : value.toLocaleString("en");
  return String(Number(value.toPrecision(4)));
}

// -1, 0 or 1; what is missing comes last, whichever way a table is sorted.
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * String(a).localeCompare(String(b), "en", { numeric: true });
}
