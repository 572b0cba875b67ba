"use strict";

// -1, 0 or 1; what is missing comes last, whichever way a table is sorted.
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * String(a).localeCompare(String(b), "en", { numeric: true });
}

// Makes each header of a table a button that sorts its rows.
function sortable(table) {
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  const key = (row, i) => {
    const text = row.cells[i].textContent.trim();
    const number = parseFloat(text.replaceAll(",", "").replace(/^[^\d.-]+/, ""));
    return text === "" || text === "-" ? null : i > 0 && Number.isFinite(number) ? number : text;
  };
  headers.forEach((header, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
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

document.querySelectorAll("table.said").forEach(sortable);
