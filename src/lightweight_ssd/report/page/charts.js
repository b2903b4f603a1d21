// How every chart looks, and the one place that calls Plotly. A chart is { traces, layout, height, about } or { sentence }.

// What Plotly shows as text it reads as a small markup; these are the characters it would take for it.
const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// Plotly needs colors as values; a probe resolves the page's own variables in the current theme.
function resolved(color, opacity = 1) {
  const probe = make("span");
  probe.style.color = color;
  document.body.append(probe);
  const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g);
  probe.remove();
  return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}

function axis(title, extra = {}) {
  const [line, quiet] = [resolved("var(--line)"), resolved("var(--quiet)")];
  return {
    title: { text: title, standoff: 8, font: { size: 12, color: quiet } },
    gridcolor: line,
    linecolor: quiet,
    zeroline: false,
    showline: false,
    tickfont: { size: 11, color: quiet },
    automargin: true,
    fixedrange: false,
    ...extra,
  };
}

function baseLayout(box, height) {
  const [ink, ground, line] = [resolved("var(--ink)"), resolved("var(--ground)"), resolved("var(--line)")];
  return {
    width: chartWidth(box),
    height,
    margin: { l: 46, r: 12, t: 8, b: 40 },
    showlegend: false,
    hovermode: "closest",
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink },
    hoverlabel: { bgcolor: ground, bordercolor: line, font: { color: ink, size: 12 }, align: "left", namelength: -1 },
  };
}

// Paper has a width of its own, which the window does not know.
function chartWidth(box) {
  if (!printing) return Math.max(220, box.clientWidth);
  if (box.dataset.wide) return 1000;
  return box.closest(".thirds") ? 310 : 480;
}

function draw(id, chart) {
  const box = element(id);
  if (chart.sentence) {
    window.Plotly.purge(box);
    box.style.height = "auto";
    box.replaceChildren(make("p", { className: "empty" }, chart.sentence));
    return;
  }
  if (box.querySelector(".empty")) box.replaceChildren();
  box.style.height = `${chart.height}px`;
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", chart.about);
  const options = {
    displaylogo: false,
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d", "zoomIn2d", "zoomOut2d", "pan2d"],
    toImageButtonOptions: { format: "svg", filename: id },
  };
  window.Plotly.react(box, chart.traces, { ...baseLayout(box, chart.height), ...chart.layout }, options);
}

const CHARTS = {
  "curve-a": () => curveChart(view.curveA),
  "curve-b": () => curveChart(view.curveB),
  cost: () => costChart(),
  pr: () => precisionRecallChart(),
  "per-class": () => perClassChart(),
  errors: () => errorChart(),
  sizes: () => sizeChart(),
  gray: () => grayChart(),
};

function nothingToDraw() {
  if (!allRows.length) return "There are no rows yet.";
  return selectedRows().length ? null : "No row is selected; tick one in the table.";
}

// All charts, or only those named; before Plotly is unpacked there is nothing to draw with.
function renderCharts(...names) {
  if (!window.Plotly) return;
  const none = nothingToDraw();
  for (const name of names.length ? names : Object.keys(CHARTS)) draw(name, none ? { sentence: none } : CHARTS[name]());
  element("curve-hint").textContent = none ? "" : curveHint();
  element("cost-hint").textContent = none ? "" : costHint();
}

async function unpackPlotly() {
  const bytes = Uint8Array.from(atob(element("plotly").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const code = await new Response(stream).text();
  document.head.append(make("script", { textContent: code }));
  element("plotly").remove();
}

// Triangles look smaller than squares of the same size.
const markSize = (symbol, size) => (symbol.startsWith("triangle") ? size + 2 : size);

// Marks and lines of a row, in Plotly's terms.
function rowStyle(row) {
  const { color, dash, symbol } = look(row);
  const value = resolved(color);
  return {
    color: value,
    line: { color: value, dash, width: 2 },
    marker: { color: value, symbol, size: markSize(symbol, 8), line: { color: resolved("var(--ground)"), width: 1 } },
  };
}
