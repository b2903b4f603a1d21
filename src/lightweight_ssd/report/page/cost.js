// Accuracy vs. cost, as in the paper's Figure 1, with the results of its Table 5 in gray.

const COSTS = {
  parameters: { name: "parameters", title: "parameters (millions)", unit: 1e6, paper: "parameters" },
  macs: { name: "MACs", title: "GMACs", unit: 1e9, paper: null },
  latency_ms: { name: "latency", title: "latency of one image (ms)", unit: 1, paper: "latency_ms" },
};

const costOf = (row) => (view.cost === "latency_ms" ? (row.latency?.ms ?? null) : meanOf(row, view.cost));

// What is drawn. The paper's points are of its own data and training: only rows that share both stand beside them.
function costPoints() {
  const measured = selectedRows().filter((row) => isNumber(costOf(row)) && isNumber(meanOf(row, "map_50")));
  const comparable = measured.filter((row) => row.comparable_with_paper);
  const printed = comparable.length ? paperPoints() : [];
  const rows = printed.length ? comparable : measured;
  return { rows, printed, apart: measured.length - rows.length };
}

function paperPoints() {
  const { paper, unit } = COSTS[view.cost];
  if (!view.paper || !paper) return [];
  return payload.paper_points
    .filter((point) => isNumber(point[paper]) && isNumber(point.map_50))
    .map((point) => ({ name: point.name, x: point[paper] / unit, y: 100 * point.map_50 }));
}

function paperTrace(found) {
  const gray = resolved("var(--paper-point)");
  return {
    type: "scatter",
    mode: "markers",
    x: found.map(({ x }) => x),
    y: found.map(({ y }) => y),
    text: found.map(({ name }) => plain(name)),
    name: "paper",
    marker: { color: gray, size: 7, symbol: "circle-open", line: { width: 1.5 } },
    cliponaxis: false,
    hovertemplate: "%{text} (paper)<br>%{x:.3~g}: <b>%{y:.1f}</b><extra></extra>",
  };
}

const DIRECTIONS = [
  [1, 0],
  [-1, 0],
  [0, -1],
  [0, 1],
  [1, -1],
  [1, 1],
  [-1, -1],
  [-1, 1],
];

// The name of each of the paper's points, where it covers least: beside its point, or farther off on a thin line.
// `marks` are what else is drawn ({ x, left, right, low, high }); `at` maps values to pixels.
function paperNames(found, marks, at) {
  const gray = resolved("var(--paper-point)");
  const points = found.map(({ x, y }) => ({ left: x, right: x, low: y, high: y }));
  const bars = marks.flatMap((mark) => [
    { ...mark, left: mark.x, right: mark.x },
    { ...mark, low: mark.y, high: mark.y },
  ]);
  const taken = [...bars, ...points].map(({ left, right, low, high }) => ({
    left: at.x(left) - 7,
    right: at.x(right) + 7,
    top: at.y(high) - 7,
    bottom: at.y(low) + 7,
  }));
  return found.map(({ name, x, y }) => {
    const options = [8, 24, 42, 60].flatMap((reach, far) =>
      DIRECTIONS.map(([right, down]) => ({
        right,
        down,
        reach,
        far,
        box: nameBox(name, at.x(x), at.y(y), right, down, reach),
      })),
    );
    const cost = ({ box, far, right, down, reach }) =>
      taken.reduce((sum, other) => sum + overlap(box, other), 30 * far) +
      (far ? 40 * crossed(at.x(x), at.y(y), right * reach, down * reach, taken) : 0) +
      (box.left < 0 || box.right > at.width || box.top < 0 || box.bottom > at.height ? 500 : 0);
    const { right, down, reach, far, box } = options.reduce((best, other) => (cost(other) < cost(best) ? other : best));
    taken.push(box);
    return {
      text: plain(name),
      x: at.onAxis(x),
      y,
      ax: right * reach,
      ay: down * reach,
      xanchor: ["right", "center", "left"][right + 1],
      yanchor: ["bottom", "middle", "top"][down + 1],
      font: { size: 10, color: gray },
      borderpad: 0,
      arrowhead: 0,
      arrowwidth: 0.8,
      startstandoff: 1,
      standoff: 4,
      arrowcolor: far ? gray : "rgba(0,0,0,0)",
    };
  });
}

const ruler = document.createElement("canvas").getContext("2d");

function nameBox(name, x, y, right, down, reach) {
  ruler.font = `10px ${getComputedStyle(document.body).fontFamily}`;
  const width = ruler.measureText(name).width + 6;
  const left = x + right * reach - (width * (1 - right)) / 2;
  const top = y + down * reach - (14 * (1 - down)) / 2;
  return { left, right: left + width, top, bottom: top + 14 };
}

// How many boxes the line from a point to its name crosses, those around the point itself left out.
function crossed(x, y, right, down, boxes) {
  const inside = ({ left, right: end, top, bottom }, part) =>
    x + part * right > left && x + part * right < end && y + part * down > top && y + part * down < bottom;
  return boxes.filter((box) => !inside(box, 0) && [0.2, 0.4, 0.6, 0.8, 1].some((part) => inside(box, part))).length;
}

const overlap = (a, b) =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

function rowPoint(row, x) {
  const style = rowStyle(row);
  const y = 100 * meanOf(row, "map_50");
  const reach = row.interval && {
    type: "data",
    symmetric: false,
    array: [Math.max(0, 100 * row.interval.high - y)],
    arrayminus: [Math.max(0, y - 100 * row.interval.low)],
    color: style.color,
    thickness: 1.4,
    width: 3,
  };
  const times = latencyReach(row, style.color);
  return {
    type: "scatter",
    mode: "markers",
    x: [x],
    y: [y],
    name: plain(row.label),
    meta: plain(row.label) + (view.cost === "latency_ms" && row.latency.busy ? " (busy machine)" : ""),
    marker: { ...style.marker, size: style.marker.size + 2 },
    ...(reach && { error_y: reach }),
    ...(times && { error_x: times }),
    hovertemplate: "%{meta}<br>%{x:.4~g}: <b>%{y:.1f}</b><extra></extra>",
  };
}

// From the 10th to the 90th percentile of the latency.
function latencyReach(row, color) {
  if (view.cost !== "latency_ms" || !isNumber(row.latency.low) || !isNumber(row.latency.high)) return null;
  const { ms, low, high } = row.latency;
  return {
    type: "data",
    symmetric: false,
    array: [Math.max(0, high - ms)],
    arrayminus: [Math.max(0, ms - low)],
    color,
    thickness: 1.4,
    width: 3,
  };
}

// Rows that differ in training only cost the same: they are set beside one another, or the last would hide the others.
// `values` are already on the axis (logarithms where it is logarithmic).
function apart(values, span) {
  return values.map((value, place) => {
    const same = values.map((_, other) => other).filter((other) => Math.abs(values[other] - value) <= 0.004 * span);
    const step = Math.min(0.02, 0.1 / same.length) * span;
    return value + step * (same.indexOf(place) - (same.length - 1) / 2);
  });
}

// The range of an axis with room at its ends.
function rangeOf(values, room, least) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const extra = Math.max(room * (high - low), least);
  return [low - extra, high + extra];
}

const COST_HEIGHT = 330;
const LOG_TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

// Both axes, where each row stands on them, and how they map to pixels.
function costAxes(rows, printed) {
  const own = rows.map((row) => costOf(row) / COSTS[view.cost].unit);
  const ends = view.cost === "latency_ms" ? rows.flatMap(({ latency }) => [latency.low, latency.high]) : [];
  const all = [...own, ...ends.filter(isNumber), ...printed.map(({ x }) => x)];
  const logarithmic = Math.min(...all) > 0 && Math.max(...all) > 5 * Math.min(...all);
  const onAxis = logarithmic ? Math.log10 : (value) => value;
  const offAxis = logarithmic ? (value) => 10 ** value : onAxis;
  const xRange = rangeOf(all.map(onAxis), 0.08, 0.02 * Math.abs(onAxis(all[0])) || 0.02);
  const places = apart(own.map(onAxis), xRange[1] - xRange[0]).map(offAxis);
  const marks = rows.map((row, place) => {
    const y = meanOf(row, "map_50");
    const { low, high } = row.interval ?? { low: y, high: y };
    const [left, right] = view.cost === "latency_ms" ? [row.latency.low, row.latency.high] : [null, null];
    const x = places[place];
    return { x, left: left ?? x, right: right ?? x, y: 100 * y, low: 100 * low, high: 100 * high };
  });
  const yRange = rangeOf([...marks.flatMap(({ low, high }) => [low, high]), ...printed.map(({ y }) => y)], 0.08, 0.4);
  const [width, height] = [chartWidth(element("cost")) - 70, COST_HEIGHT - 60];
  const x = (value) => (width * (onAxis(value) - xRange[0])) / (xRange[1] - xRange[0]);
  const y = (value) => (height * (yRange[1] - value)) / (yRange[1] - yRange[0]);
  return { logarithmic, xRange, yRange, marks, at: { width, height, onAxis, x, y } };
}

function costChart() {
  const { title, name } = COSTS[view.cost];
  const { rows, printed } = costPoints();
  if (!rows.length) return { sentence: `None of the selected rows has both mAP@0.5 and ${name} yet.` };
  const { logarithmic, xRange, yRange, marks, at } = costAxes(rows, printed);
  const ticks = logarithmic ? { type: "log", tickvals: LOG_TICKS, ticktext: LOG_TICKS.map(String) } : {};
  const about = `mAP@0.5 vs. ${name} of ${counted(rows.length, "row")}`;
  return {
    traces: [paperTrace(printed), ...rows.map((row, place) => rowPoint(row, marks[place].x))],
    layout: {
      annotations: paperNames(printed, marks, at),
      xaxis: axis(title, { range: xRange, ...ticks }),
      yaxis: axis("test mAP@0.5 (%)", { range: yRange }),
      margin: { l: 46, r: 24, t: 10, b: 40 },
    },
    height: COST_HEIGHT,
    about: printed.length ? `${about} and of ${counted(printed.length, "result")} of the paper` : about,
  };
}

function costHint() {
  const { printed, apart: others } = costPoints();
  const bars = view.cost === "latency_ms" ? "Bars: 95 % CI; across, 10th to 90th percentile." : "Bars: 95 % CI.";
  const said = [bars, "Rows of equal cost are drawn slightly apart."];
  if (view.cost === "latency_ms") said.push(...latencyHints(printed));
  else if (printed.length) said.push("Gray: Table 5 of the paper (VOC 2007 test).");
  else if (view.cost === "macs" && payload.paper_points.length) said.push("The paper gives no MACs.");
  if (others)
    said.push(
      `${counted(others, "row")} on other data or with another budget cannot stand beside the paper's results; untick “paper” for the plot of all rows.`,
    );
  return said.join(" ");
}

// Times of two devices do not belong on one axis, so the paper's are drawn for its own GPU only.
function latencyHints(printed) {
  const gpu = payload.paper_gpu;
  if (printed.length) return [`Gray: the paper's latencies (${gpu}).`];
  const devices = [...new Set(selectedRows().flatMap((row) => row.latency?.device ?? []))];
  const said = devices.length ? [`Measured on ${devices.join(" and ")}.`] : [];
  return payload.paper_points.length ? [...said, `The paper's latencies are those of an ${gpu} and not drawn.`] : said;
}
