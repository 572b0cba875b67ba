const MARGIN = { left: 76, right: 14, top: 12, bottom: 42 };
const COLOURS = 7;

function paint(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// A colour for each group: told apart where they are few, else along a ramp.
function colours(groups) {
  const ramp = (i) => `hsl(${270 - (220 * i) / (groups.length - 1)} 65% 50%)`;
  return groups.map((_, i) => (groups.length > COLOURS ? ramp(i) : paint(`--c${i}`)));
}

// A scale from values to pixels, linear or logarithmic, with its ticks.
function scale(values, log, from, to) {
  const known = values.filter((v) => Number.isFinite(v) && (!log || v > 0));
  if (!known.length) return null;
  const f = log ? Math.log10 : (v) => v;
  let low = f(known.reduce((a, b) => Math.min(a, b)));
  let high = f(known.reduce((a, b) => Math.max(a, b)));
  const pad = (high - low) * 0.05 || 0.5;
  [low, high] = [low - pad, high + pad];
  const at = (v) => from + ((f(v) - low) / (high - low)) * (to - from);
  return { at, ticks: log ? decades(low, high) : steps(low, high) };
}

function decades(low, high) {
  const every = Math.max(1, Math.round((high - low) / 6));
  const within = (marks) => {
    const ticks = [];
    for (let e = Math.floor(low); e <= high; e += every) for (const mark of marks) ticks.push(mark * 10 ** e);
    return ticks.filter((t) => Math.log10(t) >= low && Math.log10(t) <= high);
  };
  const tries = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 7]].map(within);
  return tries.find((ticks) => ticks.length > 2) ?? tries.at(-1);
}

function steps(low, high) {
  const rough = 10 ** Math.floor(Math.log10((high - low) / 4));
  const step = [1, 2, 5, 10].map((m) => m * rough).find((s) => (high - low) / s <= 6);
  const ticks = [];
  for (let t = Math.ceil(low / step) * step; t <= high; t += step) ticks.push(Number(t.toPrecision(10)));
  return ticks;
}

// Draws rows as points; returns where each is, in pixels of the canvas.
function drawPlot(canvas, table, rows, { x, y, colour, logX, logY, open }) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const ink = canvas.getContext("2d");
  ink.scale(ratio, ratio);
  ink.font = "12px system-ui, sans-serif";
  const number = (name, row) => {
    const value = table.value(name, row);
    return typeof value === "number" ? value : NaN;
  };
  const across = scale(rows.map((r) => number(x, r)), logX, MARGIN.left, width - MARGIN.right);
  const up = scale(rows.map((r) => number(y, r)), logY, height - MARGIN.bottom, MARGIN.top);
  if (!across || !up) return { points: [], groups: [], colourOf: [] };
  drawAxes(ink, width, height, across, up, x, y);
  const groups = colour ? [...new Set(rows.map((r) => said(table.value(colour, r))))].sort((a, b) => compare(a, b, 1)) : [];
  const index = new Map(groups.map((group, i) => [group, i]));
  const colourOf = colours(groups);
  const points = [];
  ink.globalAlpha = rows.length > 500 ? 0.5 : 0.8;
  for (const row of rows) {
    const at = { row, x: across.at(number(x, row)), y: up.at(number(y, row)) };
    if (!Number.isFinite(at.x) || !Number.isFinite(at.y)) continue;
    points.push(at);
    ink.fillStyle = colourOf[index.get(said(table.value(colour, row)))] ?? paint("--c0");
    ink.beginPath();
    ink.arc(at.x, at.y, 3.5, 0, 2 * Math.PI);
    ink.fill();
  }
  ink.globalAlpha = 1;
  const chosen = points.find((point) => point.row === open);
  if (chosen) ring(ink, chosen);
  return { points, groups, colourOf };
}

function ring(ink, { x, y }) {
  ink.strokeStyle = paint("--ink");
  ink.lineWidth = 2;
  ink.beginPath();
  ink.arc(x, y, 8, 0, 2 * Math.PI);
  ink.stroke();
}

function drawAxes(ink, width, height, across, up, x, y) {
  ink.strokeStyle = paint("--line");
  ink.fillStyle = paint("--quiet");
  ink.textAlign = "center";
  const foot = height - MARGIN.bottom;
  const line = (...ends) => {
    ink.beginPath();
    ink.moveTo(ends[0], ends[1]);
    ink.lineTo(ends[2], ends[3]);
    ink.stroke();
  };
  for (const tick of across.ticks) {
    line(across.at(tick), MARGIN.top, across.at(tick), foot);
    ink.fillText(said(tick), across.at(tick), foot + 16);
  }
  ink.fillText(x.replaceAll("_", " "), (MARGIN.left + width) / 2, height - 8);
  ink.textAlign = "right";
  for (const tick of up.ticks) {
    line(MARGIN.left, up.at(tick), width - MARGIN.right, up.at(tick));
    ink.fillText(said(tick), MARGIN.left - 6, up.at(tick) + 4);
  }
  ink.save();
  ink.rotate(-Math.PI / 2);
  ink.textAlign = "center";
  ink.fillText(y.replaceAll("_", " "), -(MARGIN.top + foot) / 2, 14);
  ink.restore();
}

function nearest(points, x, y) {
  let best = null;
  let least = 14 ** 2;
  for (const point of points) {
    const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
    if (distance < least) [best, least] = [point, distance];
  }
  return best;
}
