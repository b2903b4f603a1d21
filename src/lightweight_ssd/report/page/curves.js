// Metrics over training, and precision-recall curves: lines of several seeds become a mean and a band.

const AXES = { step: "step", epoch: "epoch", hours: "training time (h)" };
const METRIC_NAMES = {
  map_50: "mAP@0.5",
  map_50_11point: "mAP@0.5 (11-pt)",
  map_50_95: "mAP@[.5:.95]",
  lr: "learning rate",
};
// The first pattern that a metric matches is its place in the list to choose from.
const CURVE_ORDER = [/^val\/map_50$/, /^val\/(map|coco_ap$)/, /^train\/loss$/, /^val\/(?!coco_)/, /^train\//, /^/];
const isShareKey = (key) => /(^|\/|coco_)(m?ap|ar)(_|\/|$)/.test(key);

function curveKeys() {
  const known = new Set(
    payload.runs.flatMap((run) => Object.keys(run.curves ?? {}).filter((key) => run.curves[key].some(isNumber))),
  );
  const rank = (key) => CURVE_ORDER.findIndex((pattern) => pattern.test(key));
  return [...known]
    .filter((key) => !(key in AXES) && !key.startsWith("test/"))
    .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

function curveName(key) {
  const [phase, ...rest] = key.includes("/") ? key.split("/") : ["", key];
  const metricKey = rest.join("/");
  const spaced = metricKey.replaceAll("_", " ").replace(/^coco (a[pr])/, (_, kind) => `COCO ${kind.toUpperCase()}`);
  const name = METRIC_NAMES[metricKey] ?? spaced;
  return phase ? `${phase} ${name}` : name;
}

// The points of one run that have all of step, x and y.
function points(run, key) {
  const { step = [], [view.axis]: along = [], [key]: values = [] } = run.curves ?? {};
  const scale = isShareKey(key) ? 100 : 1;
  const kept = values
    .map((_, place) => place)
    .filter((place) => isNumber(values[place]) && isNumber(along[place]) && isNumber(step[place]));
  return {
    step: kept.map((place) => step[place]),
    x: kept.map((place) => along[place]),
    y: kept.map((place) => scale * values[place]),
  };
}

// `ys` at `at`, between the neighbours of the rising `xs`; at must not lie outside them.
function between(xs, ys, at) {
  const after = xs.findIndex((x) => x >= at);
  if (after < 0) return ys[ys.length - 1];
  if (after === 0 || xs[after] === at) return ys[after];
  const part = (at - xs[after - 1]) / (xs[after] - xs[after - 1]);
  return ys[after - 1] + part * (ys[after] - ys[after - 1]);
}

// Seeds are compared step by step, over the steps that all of them reached; x is their mean there.
function meanAndBand(lines, spread) {
  const first = Math.max(...lines.map(({ step }) => step[0]));
  const last = Math.min(...lines.map(({ step }) => step[step.length - 1]));
  const steps = [...new Set(lines.flatMap(({ step }) => step))]
    .filter((step) => step >= first && step <= last)
    .sort((a, b) => a - b);
  const result = { x: [], y: [], low: [], high: [] };
  for (const step of steps) {
    const values = lines.map((line) => between(line.step, line.y, step));
    const mean = average(values);
    const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1));
    result.x.push(average(lines.map((line) => between(line.step, line.x, step))));
    result.y.push(mean);
    result.low.push(spread === "std" ? mean - std : Math.min(...values));
    result.high.push(spread === "std" ? mean + std : Math.max(...values));
  }
  return result;
}

function bandTrace(row, { x, low, high }) {
  return {
    type: "scatter",
    mode: "lines",
    x: [...x, ...[...x].reverse()],
    y: [...high, ...[...low].reverse()],
    fill: "toself",
    fillcolor: resolved(look(row).color, 0.16),
    line: { width: 0 },
    hoverinfo: "skip",
    meta: row.id,
    name: "band",
  };
}

function lineTrace(row, line, name, thin = false) {
  const style = rowStyle(row);
  const digits = "%{y:.4~g}";
  return {
    type: "scatter",
    mode: thin && line.x.length > 1 ? "lines" : "lines+markers",
    x: line.x,
    y: line.y,
    name: plain(name),
    meta: plain(name),
    line: thin ? { ...style.line, width: 1 } : style.line,
    opacity: thin ? 0.75 : 1,
    marker: { ...style.marker, size: style.marker.size - 1, maxdisplayed: 9 },
    hovertemplate: `%{meta}<br>%{x:,.4~g} ${view.axis}: <b>${digits}</b><extra></extra>`,
  };
}

// Finished seeds make the mean; a run in progress or aborted is a thin line of its own.
function rowCurves(row, key) {
  const withPoints = (runs) => runs.map((run) => ({ run, line: points(run, key) })).filter(({ line }) => line.x.length);
  const all = withPoints(runsOf(row));
  if (view.spread === "single")
    return all.map(({ run, line }) => lineTrace(row, line, `${row.label}, seed ${seedOf(run)}`, true));
  const main = withPoints(countedRuns(row));
  if (!main.length) return [];
  const others = all
    .filter(({ run }) => !main.some((one) => one.run === run))
    .map(({ run, line }) => lineTrace(row, line, `${row.label}, seed ${seedOf(run)} (${run.state})`, true));
  if (main.length === 1) return [lineTrace(row, main[0].line, row.label), ...others];
  const mean = meanAndBand(
    main.map(({ line }) => line),
    view.spread,
  );
  return [bandTrace(row, mean), lineTrace(row, mean, row.label), ...others];
}

function curveChart(key) {
  const traces = selectedRows().flatMap((row) => rowCurves(row, key));
  if (!traces.length) return { sentence: "The selected rows have recorded no such curve yet." };
  const bands = traces.filter(({ name }) => name === "band");
  const layout = {
    xaxis: axis(AXES[view.axis]),
    yaxis: axis(plain(shorten(curveName(key), 44)) + (isShareKey(key) ? " (%)" : "")),
  };
  return {
    traces: [...bands, ...traces.filter(({ name }) => name !== "band")],
    layout,
    height: 330,
    about: `${curveName(key)} by ${AXES[view.axis]} of ${counted(selectedRows().length, "row")}`,
  };
}

function curveHint() {
  const band = {
    range: "Line: mean over the finished seeds of a row. Band: lowest to highest seed.",
    std: "Line: mean over the finished seeds of a row. Band: mean ± one standard deviation.",
    single: "Every run is a line of its own.",
  };
  const thin = view.spread === "single" ? "" : " Thin line: a run that has not finished.";
  return `${band[view.spread]}${thin} Drag in a plot to zoom, double-click to reset.`;
}

// Precision-recall curves ------------------------------------------------------------------------------------------------

const RECALLS = Array.from({ length: 101 }, (_, place) => place / 100);

function precisionRecallLine(row, name) {
  const curves = countedRuns(row)
    .map((run) => run.precision_recall?.[name])
    .filter((curve) => curve?.recall?.length);
  if (!curves.length) return null;
  if (curves.length === 1) return { x: curves[0].recall, y: curves[0].precision };
  const at = ({ recall, precision }, place) =>
    place > recall[recall.length - 1] ? 0 : between(recall, precision, place);
  const reach = Math.max(...curves.map(({ recall }) => recall[recall.length - 1]));
  const x = RECALLS.filter((place) => place <= reach);
  return { x, y: x.map((place) => average(curves.map((curve) => at(curve, place)))) };
}

function precisionRecallChart() {
  const traces = selectedRows()
    .map((row) => [row, precisionRecallLine(row, view.prClass)])
    .filter(([, line]) => line)
    .map(([row, line]) => ({
      ...lineTrace(row, line, row.label),
      hovertemplate: "%{meta}<br>recall %{x:.2f}: precision <b>%{y:.2f}</b><extra></extra>",
    }));
  if (!traces.length) return { sentence: "The selected rows have no detections of this class to draw a curve from." };
  const range = [-0.02, 1.03];
  return {
    traces,
    layout: {
      xaxis: axis("recall", { range }),
      yaxis: axis(`precision, ${plain(shorten(view.prClass || "mean over classes", 36))}`, { range }),
    },
    height: 330,
    about: `Precision-recall curve of ${view.prClass || "the mean over classes"} for ${counted(traces.length, "row")}`,
  };
}
