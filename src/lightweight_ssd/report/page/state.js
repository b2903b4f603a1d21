"use strict";
// The payload, the choices of the reader, and the few helpers that every other file uses.

const payload = {
  title: "",
  notes: [],
  rows: [],
  started: [],
  runs: [],
  left_out: [],
  left_out_line: "",
  states: {},
  classes: [],
  configs: {},
  images: [],
  paper_points: [],
  ...JSON.parse(document.getElementById("payload").textContent),
};
const classColors = JSON.parse(document.getElementById("class-colors").textContent);
// Rows of the table, then those of which no run has finished: they have curves and nothing else.
const allRows = [...payload.rows, ...payload.started];
const rowsById = new Map(allRows.map((row) => [row.id, row]));
const runsById = new Map(payload.runs.map((run) => [run.id, run]));
const baselines = payload.rows.filter((row) => row.baseline);
// The row that a row is compared with; a baseline stands for itself, and a row that is alone has none.
const baselineOf = (row) =>
  row.baseline ? row : (payload.rows.find((other) => other.label === row.compared_with) ?? null);

// The choices of the reader. They outlive a reload, also the one that `watch` makes: rows that a sweep adds
// meanwhile are drawn at once, since the list holds the rows that were deselected.
const view = {
  hidden: [],
  open: [],
  sortKey: null,
  sortDown: true,
  axis: "step",
  spread: "range",
  curveA: "val/map_50",
  curveB: "train/loss",
  cost: "parameters",
  paper: true,
  order: "given",
  prClass: "",
  runA: null,
  runB: null,
  theme: null,
  scroll: 0,
  notesOpen: null,
};
const storageKey = "lssd-report:" + location.pathname;

function restoreView() {
  try {
    Object.assign(view, JSON.parse(sessionStorage.getItem(storageKey) ?? "{}"));
  } catch {
    // A browser may forbid storage for files; the page then starts with its defaults.
  }
}

function keepView() {
  try {
    sessionStorage.setItem(storageKey, JSON.stringify(view));
  } catch {
    // As above.
  }
}

const isSelected = (row) => !view.hidden.includes(row.id);
const selectedRows = () => allRows.filter(isSelected);
const runsOf = (row) => row.runs.map((id) => runsById.get(id)).filter(Boolean);

// Runs that speak for a row: the finished ones, or all while none is finished.
function countedRuns(row) {
  const finished = runsOf(row).filter((run) => run.state === "finished");
  return finished.length ? finished : runsOf(row);
}

const seedOf = (run) => run.seed ?? NONE;
const isUnderWay = (run) => run.state === "running" || run.state === "starting";

// The document ---------------------------------------------------------------------------------------------------

const element = (id) => document.getElementById(id);

// An element with properties, `data-` and `aria-` attributes and children; strings become text, never markup.
function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function drawn(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A group of radio buttons, in the look of one segmented switch.
function radios(name, title, options, chosen, onChoice) {
  const buttons = options.map(([value, text]) => {
    const input = make("input", { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => onChoice(value));
    return make("label", {}, input, make("span", {}, text));
  });
  return make("fieldset", { className: "radios" }, make("legend", {}, title), ...buttons);
}

function fillSelect(select, options, chosen, onChoice) {
  select.replaceChildren(
    ...options.map(([value, text]) => make("option", { value, selected: value === chosen }, text)),
  );
  select.onchange = () => onChoice(select.value);
}

// Numbers --------------------------------------------------------------------------------------------------------

const NONE = "–";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const metric = (row, key) => row.metrics?.[key] ?? null;
const meanOf = (row, key) => metric(row, key)?.mean ?? null;
const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (value) => (isNumber(value) ? (100 * value).toFixed(1) : NONE);
const counted = (number, one, many = one + "s") => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

function signed(value) {
  const points = Math.abs(100 * value);
  const text = points.toFixed(points < 0.005 || points >= 0.05 ? 1 : 2);
  if (text === "0.0") return "±0.0";
  return (value < 0 ? "−" : "+") + text;
}

function amount(value, units) {
  if (!isNumber(value)) return NONE;
  const [size, unit] = units.find(([least]) => value >= least) ?? units[units.length - 1];
  const scaled = value / size;
  return `${scaled.toFixed(2 - (scaled >= 10) - (scaled >= 100))} ${unit}`;
}

const parameterText = (value) => amount(value, [value < 1e5 ? [1e3, "k"] : [1e6, "M"]]);
const macText = (value) =>
  amount(value, [
    [1e9, "G"],
    [1e6, "M"],
  ]);
const latencyText = (value) => amount(value, [[1, "ms"]]);
const hoursText = (value) =>
  amount(value, [
    [1, "h"],
    [1 / 60, "min"],
    [1 / 3600, "s"],
  ]);

function leftText(seconds) {
  return seconds < 5400 ? `${Math.max(1, Math.round(seconds / 60))} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function moment(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text ?? "";
  return date.toLocaleString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });
}

const shorten = (text, length) => (text.length > length ? text.slice(0, length - 1) + "…" : text);

// How a row looks everywhere: a color, a dash and a mark, so that color alone never matters ------------------

const ROW_COLORS = 8;
const DASHES = [
  ["solid", ""],
  ["dash", "6 3"],
  ["dot", "2 2"],
  ["dashdot", "6 2 2 2"],
  ["longdash", "10 3"],
  ["longdashdot", "9 2 2 2"],
];
const MARKS = [
  ["circle", "M14 2.5a3.5 3.5 0 1 0 .01 0z"],
  ["square", "M10.8 2.8h6.4v6.4h-6.4z"],
  ["diamond", "M14 1.5l4.5 4.5-4.5 4.5-4.5-4.5z"],
  ["triangle-up", "M14 1.8l4.2 7.4h-8.4z"],
  ["triangle-down", "M14 10.2l4.2-7.4h-8.4z"],
  ["pentagon", "M14 1.8l4.2 3-1.6 5h-5.2l-1.6-5z"],
  ["hexagon", "M10 6l2-3.6h4l2 3.6-2 3.6h-4z"],
];

function look(row) {
  const place = allRows.indexOf(row);
  const [dash, pattern] = DASHES[place % DASHES.length];
  const [symbol, path] = MARKS[place % MARKS.length];
  return { color: `var(--row-${place % ROW_COLORS})`, dash, pattern, symbol, path };
}

function swatch(row) {
  const { color, pattern, path } = look(row);
  return drawn(
    "svg",
    { width: 28, height: 12, viewBox: "0 0 28 12", class: "swatch", "aria-hidden": "true" },
    drawn("path", { d: "M0 6H28", style: `stroke:${color}`, "stroke-width": 2, "stroke-dasharray": pattern }),
    drawn("path", { d: path, style: `fill:${color};stroke:var(--ground)`, "stroke-width": 1 }),
  );
}
