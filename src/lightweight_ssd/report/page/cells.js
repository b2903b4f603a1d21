// The columns of the ablation table: what each sorts by and what its cells show.

const INCONCLUSIVE = "inconclusive (95 % CI includes 0)";
const CHOSEN_ON_TEST = "The checkpoint was chosen on the images that it is tested on.";
const BUSY = "Runs of this network differ by more than their spread: the machine was busy.";

const share = (key) => (row) => [shareText(metric(row, key))];

const COLUMNS = [
  { key: "label", name: "Row", value: (row) => row.label, cells: labelCell, up: true, text: true },
  {
    key: "map_50",
    name: "Test mAP@0.5",
    title:
      "AP at IoU 0.5 (area) on the test images, mean over classes: mean ± standard deviation over seeds (number of seeds); below, its 95 % CI",
    value: (row) => meanOf(row, "map_50"),
    cells: mapCell,
  },
  {
    key: "paper",
    name: "Paper mAP@0.5",
    title: "The paper's result for this row, on its data and after its training",
    value: (row) => row.paper?.map_50 ?? null,
    cells: (row) => [make("span", { className: "quiet" }, percent(row.paper?.map_50))],
  },
  {
    key: "difference",
    name: "Δ vs. baseline (95\u00a0%\u00a0CI)",
    title: "mAP@0.5 minus that of the baseline (paired bootstrap over test images and seeds)",
    value: (row) => row.difference?.mean ?? null,
    cells: differenceCell,
  },
  {
    key: "map_50_11point",
    name: "mAP@0.5 (11\u2011pt)",
    title: "mAP@0.5 by the 11-point rule of VOC 2007",
    value: (row) => meanOf(row, "map_50_11point"),
    cells: share("map_50_11point"),
  },
  {
    key: "map_50_95",
    name: "mAP@[.5:.95]",
    title: "mAP averaged over IoU 0.5 to 0.95",
    value: (row) => meanOf(row, "map_50_95"),
    cells: share("map_50_95"),
  },
  {
    key: "coco_ap",
    name: "COCO AP",
    title: "AP by COCO's rules, mean over IoU 0.5 to 0.95 and classes; below, the paper's",
    value: (row) => meanOf(row, "coco_ap"),
    cells: cocoCell,
  },
  {
    key: "gray_map_50",
    name: "mAP@0.5, grayscale",
    title: "mAP@0.5 on grayscale versions of the test images; below, Δ vs. baseline (95 % CI)",
    value: (row) => meanOf(row, "gray_map_50"),
    cells: grayCell,
  },
  { key: "parameters", name: "Parameters", value: (row) => meanOf(row, "parameters"), cells: parameterCell, up: true },
  {
    key: "macs",
    name: "MACs",
    title: "Multiply-accumulate operations for one image",
    value: (row) => meanOf(row, "macs"),
    cells: (row) => [macText(meanOf(row, "macs"))],
    up: true,
  },
  {
    key: "latency_ms",
    name: "Latency",
    title: "One image: median; below, the 10th to the 90th percentile. Rows of one network share one latency.",
    value: (row) => row.latency?.ms ?? null,
    cells: latencyCell,
    up: true,
  },
  {
    key: "training_hours",
    name: "Training time",
    title: "All parts of a resumed run together, mean over seeds",
    value: (row) => meanOf(row, "training_hours"),
    cells: (row) => [hoursText(meanOf(row, "training_hours"))],
    up: true,
  },
];

function labelCell(row) {
  const open = view.open.includes(row.id);
  const button = make(
    "button",
    { type: "button", className: "opener", "aria-expanded": String(open), title: "Runs of this row" },
    swatch(row),
    make("span", { className: "label" }, row.label),
  );
  button.addEventListener("click", () => {
    view.open = open ? view.open.filter((id) => id !== row.id) : [...view.open, row.id];
    keepView();
    renderTable();
    document.querySelector(`tr[data-row="${CSS.escape(row.id)}"] .opener`).focus();
  });
  const seeds =
    row.finished < row.planned ? `${row.finished} of ${counted(row.planned, "seed")}` : counted(row.finished, "seed");
  const about = [row.experiment, row.scale, seeds].filter(Boolean).join(" · ");
  return [button, make("span", { className: "about" }, about)];
}

const STATES = ["running", "failed", "interrupted", "aborted", "damaged"];
const stateClass = (state) => (STATES.includes(state) ? state : "other");

function runState(run) {
  if (run.error) return `${run.state}: ${run.error}`;
  if (!isNumber(run.step) || !run.total_steps || run.state === "finished") return run.state;
  const left = isNumber(run.seconds_left) && run.state === "running" ? `, ${leftText(run.seconds_left)} left` : "";
  return `${run.state}: step ${run.step.toLocaleString("en")} of ${run.total_steps.toLocaleString("en")}${left}`;
}

function shareText(spread) {
  if (!isNumber(spread?.mean)) return NONE;
  return isNumber(spread.std) ? `${percent(spread.mean)} ± ${percent(spread.std)}` : percent(spread.mean);
}

function mapCell(row) {
  const spread = metric(row, "map_50");
  if (!isNumber(spread?.mean)) return [NONE];
  const seeds = make("span", { className: "quiet" }, ` (${spread.n})`);
  const range =
    row.interval &&
    make("span", { className: "second" }, `[${percent(row.interval.low)}, ${percent(row.interval.high)}]`);
  const mark = row.chosen_on_test ? make("span", { className: "quiet", title: CHOSEN_ON_TEST }, " †") : null;
  const deviation = isNumber(spread.std) ? ` ± ${percent(spread.std)}` : "";
  return [make("b", {}, percent(spread.mean)), deviation, seeds, mark, range];
}

function differenceCell(row) {
  if (row.baseline) return [make("span", { className: "quiet" }, "baseline"), intervalBar(null)];
  const { difference } = row;
  if (!difference) return [NONE];
  const mean = make(difference.shown ? "b" : "span", {}, signed(difference.mean));
  const range = ` [${signed(difference.low)}, ${signed(difference.high)}]`;
  const mark = difference.shown
    ? null
    : make("span", { className: "chip not", title: INCONCLUSIVE }, "n.s.");
  const to = { className: "quiet", title: `vs. ${row.compared_with}` };
  return [mean, make("span", to, range), " ", mark, intervalBar(difference)];
}

// The interval on a scale that all rows share, with a line at 0.
function intervalBar(difference) {
  const known = payload.rows.map((row) => row.difference).filter(Boolean);
  const low = Math.min(0, ...known.map((one) => one.low));
  const high = Math.max(0, ...known.map((one) => one.high));
  const place = (value) => 4 + (132 * (value - low)) / (high - low || 1);
  const bar = drawn(
    "svg",
    { viewBox: "0 0 140 12", width: 140, height: 12, class: "bar", "aria-hidden": "true" },
    drawn("path", { d: `M${place(0)} 0V12`, class: "zero" }),
  );
  if (difference) {
    bar.classList.toggle("shown", difference.shown);
    bar.append(
      drawn("path", { d: `M${place(difference.low)} 6H${place(difference.high)}`, class: "reach" }),
      drawn("circle", { cx: place(difference.mean), cy: 6, r: 3 }),
    );
  }
  return bar;
}

function grayCell(row) {
  const change = row.gray_difference;
  if (!change) return share("gray_map_50")(row);
  const title = `Δ vs. baseline on grayscale images (95 % CI)${change.shown ? "" : `; ${INCONCLUSIVE}`}`;
  const text = `${signed(change.mean)} [${signed(change.low)}, ${signed(change.high)}]`;
  return [...share("gray_map_50")(row), make("span", { className: "second", title }, text)];
}

function latencyCell(row) {
  const { latency } = row;
  if (!isNumber(latency?.ms)) return [NONE];
  const known = isNumber(latency.low) && isNumber(latency.high);
  const range = known ? [make("span", { className: "second" }, rangeText(latency.low, latency.high))] : [];
  const busy = latency.busy ? [make("span", { className: "chip busy", title: BUSY }, "busy")] : [];
  return [latencyText(latency.ms), ...range, ...busy];
}

function rangeText(low, high) {
  const digits = Math.max(0, Math.min(2, 1 - Math.floor(Math.log10(Math.max(high - low, 1e-9)))));
  return `${low.toFixed(digits)}–${high.toFixed(digits)}`;
}

function cocoCell(row) {
  const printed = row.paper?.map_coco;
  const second = isNumber(printed) ? make("span", { className: "second" }, `paper ${percent(printed)}`) : null;
  return [...share("coco_ap")(row), second];
}

function parameterCell(row) {
  const printed = row.paper?.parameters;
  const about = { className: "second", title: row.note ?? "" };
  const second = isNumber(printed) ? make("span", about, `paper ${parameterText(printed)}`) : null;
  return [parameterText(meanOf(row, "parameters")), second];
}
