// Final metrics side by side: classes, types of error, object sizes, grayscale images.

// Classes -------------------------------------------------------------------------------------------------------------

const CLASS_LETTERS = 18; // of a class's name; the rest shows under the pointer

function classAp(row, name) {
  const values = countedRuns(row)
    .map((run) => run.per_class?.[name])
    .filter(isNumber);
  return values.length ? 100 * average(values) : null;
}

function orderedClasses(rows) {
  const known = payload.classes
    .map((name) => ({ name, values: rows.map((row) => classAp(row, name)) }))
    .filter(({ values }) => values.some(isNumber));
  const best = ({ values }) => average(values.filter(isNumber));
  return view.order === "given" ? known : known.sort((a, b) => best(b) - best(a));
}

// Many classes stand in several panels side by side, read down and then across.
function perClassChart() {
  const rows = selectedRows();
  const classes = orderedClasses(rows);
  if (!classes.length) return { sentence: "The selected rows have no AP per class yet." };
  const width = chartWidth(element("per-class"));
  const columns = Math.min(Math.ceil(classes.length / 8), 1 + (width > 640) + (width > 1100));
  const lines = Math.ceil(classes.length / columns);
  const gap = (7 * Math.min(CLASS_LETTERS, Math.max(...classes.map(({ name }) => name.length))) + 26) / width;
  const part = (1 - gap * (columns - 1)) / columns;
  const range = apRange(classes);
  const layout = { margin: { l: 8, r: 12, t: 4, b: 28 } };
  const traces = [];
  for (let column = 0; column < columns; column++) {
    const here = classes.slice(column * lines, (column + 1) * lines);
    const suffix = column ? String(column + 1) : "";
    const domain = [column * (part + gap), column * (part + gap) + part];
    layout["xaxis" + suffix] = axis("", { domain, range, anchor: "y" + suffix, fixedrange: true });
    layout["yaxis" + suffix] = {
      ...namedLines(
        here.map(({ name }) => name),
        CLASS_LETTERS,
        lines,
      ),
      anchor: "x" + suffix,
    };
    traces.push(...rows.map((row, index) => classTrace(row, index, rows.length, here, suffix)));
  }
  const height = 44 + lines * Math.max(20, Math.min(40, 7 * rows.length));
  const about = `AP of ${counted(classes.length, "class", "classes")} for ${counted(rows.length, "row")}`;
  return { traces, layout, height, about };
}

// Dots need no zero: from the ten below the least to the ten above the best.
function apRange(classes) {
  const known = classes.flatMap(({ values }) => values.filter(isNumber));
  const least = Math.max(0, 10 * Math.floor(Math.min(...known) / 10 - 0.2));
  const top = 10 * Math.ceil(Math.max(...known) / 10) || 10;
  return [least - 0.02 * (top - least), top + 0.02 * (top - least)];
}

// An axis with a name on each line, the first on top.
function namedLines(names, letters, lines = names.length) {
  return axis("", {
    range: [lines - 0.4, -0.6],
    tickvals: names.map((_, place) => place),
    ticktext: names.map((name) => plain(shorten(name, letters))),
    fixedrange: true,
    tickfont: { size: 11.5, color: resolved("var(--ink)") },
  });
}

function classTrace(row, index, count, classes, suffix) {
  const style = rowStyle(row);
  const step = Math.min(0.2, 0.72 / count);
  const offset = (index - (count - 1) / 2) * step;
  return {
    type: "scatter",
    mode: "markers",
    xaxis: "x" + suffix,
    yaxis: "y" + suffix,
    x: classes.map(({ values }) => values[index]),
    y: classes.map((_, place) => place + offset),
    meta: plain(row.label),
    name: plain(row.label),
    text: classes.map(({ name }) => plain(name)),
    marker: { ...style.marker, size: style.marker.size - (count > 8 ? 2 : 0) },
    cliponaxis: false,
    hovertemplate: "%{meta}<br>%{text}: <b>%{x:.1f}</b><extra></extra>",
  };
}

// Errors, sizes, gray ----------------------------------------------------------------------------------------------------

const ERRORS = [
  ["classification", ""],
  ["localization", "/"],
  ["both", "x"],
  ["duplicate", "."],
  ["background", "-"],
  ["missed", "\\"],
];

const rowLines = (rows) => ({
  ...namedLines(
    rows.map((row) => row.label),
    20,
  ),
  showgrid: false,
});

function errorChart() {
  const rows = selectedRows().filter((row) => row.errors);
  if (!rows.length) return { sentence: "The selected rows have no error analysis yet." };
  const ground = resolved("var(--ground)");
  const traces = ERRORS.map(([name, shape], place) => ({
    type: "bar",
    orientation: "h",
    name,
    x: rows.map((row) => 100 * (row.errors[name] ?? 0)),
    y: rows.map((_, index) => index),
    width: 0.62,
    text: rows.map((row) => plain(row.label)),
    textposition: "none",
    marker: {
      color: resolved(`var(--error-${place})`),
      line: { color: ground, width: 1 },
      pattern: {
        shape,
        bgcolor: resolved(`var(--error-${place})`),
        fgcolor: ground,
        fgopacity: 0.6,
        size: 6,
        solidity: 0.22,
      },
    },
    hovertemplate: `%{text}<br>${name}: <b>%{x:.1f}</b><extra></extra>`,
  }));
  const legend = {
    orientation: "h",
    x: 0,
    xanchor: "left",
    y: 1.02,
    yanchor: "bottom",
    font: { size: 11 },
    traceorder: "normal",
    itemwidth: 30,
  };
  const layout = {
    barmode: "stack",
    showlegend: true,
    legend,
    xaxis: axis("ΔmAP@0.5 (points)"),
    yaxis: rowLines(rows),
    margin: { l: 8, r: 12, t: 66, b: 40 },
  };
  return {
    traces,
    layout,
    height: 130 + 34 * rows.length,
    about: `ΔmAP if each of six types of error were fixed for ${counted(rows.length, "row")}`,
  };
}

function sizeChart() {
  const rows = selectedRows().filter((row) => row.sizes);
  if (!rows.length) return { sentence: "The selected rows have no AP by object size yet." };
  const names = ["small", "medium", "large"];
  const traces = rows.map((row, index) => {
    const offset = (index - (rows.length - 1) / 2) * Math.min(0.13, 0.7 / rows.length);
    const style = rowStyle(row);
    return {
      type: "scatter",
      mode: "markers",
      x: names.map((_, place) => place + offset),
      y: names.map((name) => (isNumber(row.sizes[name]) ? 100 * row.sizes[name] : null)),
      meta: plain(row.label),
      name: plain(row.label),
      text: names,
      marker: { ...style.marker, size: style.marker.size + 1 },
      hovertemplate: "%{meta}<br>%{text}: <b>%{y:.1f}</b><extra></extra>",
    };
  });
  const xaxis = axis("", {
    tickvals: [0, 1, 2],
    ticktext: names,
    range: [-0.6, 2.6],
    fixedrange: true,
    showgrid: false,
  });
  return {
    traces,
    layout: { xaxis, yaxis: axis("test mAP@0.5 (%)", { rangemode: "tozero" }) },
    height: 300,
    about: `AP by object size for ${counted(rows.length, "row")}`,
  };
}

function grayChart() {
  const rows = selectedRows().filter((row) => isNumber(meanOf(row, "gray_map_50")) && isNumber(meanOf(row, "map_50")));
  if (!rows.length) return { sentence: "The selected rows were not tested on grayscale images yet." };
  const traces = rows.map((row, place) => {
    const { color, marker } = rowStyle(row);
    return {
      type: "scatter",
      mode: "lines+markers",
      x: [100 * meanOf(row, "gray_map_50"), 100 * meanOf(row, "map_50")],
      y: [place, place],
      meta: plain(row.label),
      name: plain(row.label),
      text: ["grayscale", "color"],
      line: { color: color, width: 2 },
      marker: {
        ...marker,
        size: marker.size + 2,
        symbol: [marker.symbol + "-open", marker.symbol],
        line: { color: color, width: 1.6 },
      },
      hovertemplate: "%{meta}<br>%{text}: <b>%{x:.1f}</b><extra></extra>",
    };
  });
  return {
    traces,
    layout: { xaxis: axis("test mAP@0.5 (%)"), yaxis: rowLines(rows), margin: { l: 8, r: 14, t: 8, b: 40 } },
    height: 64 + 34 * Math.max(2, rows.length),
    about: `mAP@0.5 on grayscale and on color images for ${counted(rows.length, "row")}`,
  };
}
