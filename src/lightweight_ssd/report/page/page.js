// Starts the page: its header, controls and theme, and polls for a newer version of itself.

let printing = false;

function renderHead() {
  element("title").textContent = payload.title || "Comparison of runs";
  const states = ["finished", "running", "interrupted", "aborted", "failed"].map((state) => [
    state,
    payload.runs.filter((run) => run.state === state).length,
  ]);
  const chips = states
    .filter(([, count]) => count)
    .map(([state, count]) => make("span", { className: `chip ${stateClass(state)}` }, `${count} ${state}`));
  const facts = [
    ["", moment(payload.generated)],
    ["commit", payload.commit?.slice(0, 10)],
    [baselines.length > 1 ? "baselines" : "baseline", baselines.map(({ label }) => label).join(", ")],
  ];
  const shown = facts
    .filter(([, text]) => text)
    .map(([name, text]) => make("span", { className: "fact" }, name ? `${name} ` : "", make("b", {}, text)));
  const runs = make(
    "span",
    { className: "fact" },
    `${counted(payload.rows.length, "row")}, `,
    make("b", {}, counted(payload.runs.length, "run")),
    " ",
    ...chips,
  );
  element("facts").replaceChildren(...shown, runs);
}

// Every note is a caveat of the comparison, so the box stands out and stays open until the reader closes it.
function renderNotes() {
  const box = element("notes");
  box.hidden = !payload.notes.length;
  box.open = !view.notesClosed;
  box.querySelector("summary").textContent = `${counted(payload.notes.length, "note")} to read before comparing`;
  box.querySelector("ul").replaceChildren(...payload.notes.map((note) => make("li", {}, note)));
  box.addEventListener("toggle", () => {
    if (printing) return;
    view.notesClosed = !box.open;
    keepView();
  });
}

function choose(key, ...charts) {
  return (value) => {
    view[key] = value;
    keepView();
    renderCharts(...charts);
  };
}

function renderControls() {
  element("curve-controls").replaceChildren(
    radios(
      "axis",
      "x axis",
      [
        ["step", "step"],
        ["epoch", "epoch"],
        ["hours", "hours"],
      ],
      view.axis,
      choose("axis", "curve-a", "curve-b"),
    ),
    radios(
      "spread",
      "seeds",
      [
        ["range", "min–max"],
        ["std", "± std"],
        ["single", "single runs"],
      ],
      view.spread,
      choose("spread", "curve-a", "curve-b"),
    ),
  );
  const keys = curveKeys();
  if (keys.length && !keys.includes(view.curveA)) view.curveA = keys[0];
  if (keys.length && !keys.includes(view.curveB))
    view.curveB = keys.find((key) => key.includes("loss")) ?? keys[keys.length - 1];
  const options = keys.map((key) => [key, curveName(key)]);
  fillSelect(element("curve-a-key"), options, view.curveA, choose("curveA", "curve-a"));
  fillSelect(element("curve-b-key"), options, view.curveB, choose("curveB", "curve-b"));
  const paper = make("input", { type: "checkbox", checked: view.paper });
  paper.addEventListener("change", () => choose("paper", "cost")(paper.checked));
  element("cost-controls").replaceChildren(
    radios(
      "cost",
      "x axis",
      Object.entries(COSTS).map(([key, { name }]) => [key, name]),
      view.cost,
      choose("cost", "cost"),
    ),
    ...(payload.paper_points.length ? [make("label", { className: "pick" }, paper, " paper")] : []),
  );
  element("class-controls").replaceChildren(
    radios(
      "order",
      "order",
      [
        ["given", "as given"],
        ["best", "best first"],
      ],
      view.order,
      choose("order", "per-class"),
    ),
  );
  if (!payload.classes.includes(view.prClass)) view.prClass = "";
  fillSelect(
    element("pr-class"),
    [["", "mean over classes"], ...payload.classes.map((name) => [name, name])],
    view.prClass,
    choose("prClass", "pr"),
  );
}

function renderHint() {
  const mark = payload.rows.some((row) => row.difference && !row.difference.shown)
    ? ` n.s.: ${INCONCLUSIVE}. With few seeds the interval is too narrow.`
    : "";
  const text = `AP in %: mean ± standard deviation over seeds (number of seeds).${mark} Click a heading to sort, a name to see its runs.`;
  element("rows-hint").textContent = payload.rows.length ? text : "";
}

function selectionChanged() {
  keepView();
  renderTable();
  renderLegend();
  renderConfigs();
  renderCharts();
}

// Theme and print ------------------------------------------------------------------------------------------------------

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => (printing ? "light" : (view.theme ?? (prefersDark.matches ? "dark" : "light")));

function applyTheme() {
  document.documentElement.dataset.theme = theme();
  element("theme").textContent = theme() === "dark" ? "Light" : "Dark";
  element("theme").title = `Change to ${theme() === "dark" ? "light" : "dark"} colors`;
  renderCharts();
}

function setPrinting(on) {
  if (printing === on) return;
  printing = on;
  element("notes").open = on || !view.notesClosed;
  applyTheme();
}

function listen() {
  element("select-all").addEventListener("click", () => selectAll(true));
  element("select-none").addEventListener("click", () => selectAll(false));
  element("more-images").addEventListener("click", () => {
    shownImages += IMAGES_AT_ONCE;
    renderImages();
  });
  element("theme").addEventListener("click", () => {
    view.theme = theme() === "dark" ? "light" : "dark";
    keepView();
    applyTheme();
  });
  prefersDark.addEventListener("change", applyTheme);
  matchMedia("print").addEventListener("change", ({ matches }) => setPrinting(matches));
  addEventListener("beforeprint", () => setPrinting(true));
  addEventListener("afterprint", () => setPrinting(false));
  addEventListener("pagehide", () => {
    view.scroll = scrollY;
    keepView();
  });
  let timer = 0;
  let width = innerWidth;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (innerWidth !== width && !printing) renderCharts();
      width = innerWidth;
    }, 120);
  });
}

// A served page asks every few seconds whether there is a newer version. ------------------------------------

const POLL_MS = 3000;

function watch() {
  if (!payload.watch || !location.protocol.startsWith("http")) return;
  let known = payload.version ?? null;
  const ask = async () => {
    try {
      const answer = await fetch("version.json", { cache: "no-store" });
      const { version } = await answer.json();
      showLive("live");
      if (known !== null && version !== known) location.reload();
      known = version;
    } catch {
      showLive("the server does not answer");
    }
  };
  setInterval(ask, POLL_MS);
  ask();
}

function showLive(text) {
  element("live").hidden = false;
  if (element("live").textContent !== text) element("live").textContent = text;
  element("live").classList.toggle("lost", text !== "live");
}

async function start() {
  restoreView();
  renderHead();
  renderNotes();
  renderControls();
  renderHint();
  renderTable();
  renderLegend();
  renderConfigs();
  renderImages();
  applyTheme();
  listen();
  watch();
  await new Promise((resolve) => addEventListener("DOMContentLoaded", resolve, { once: true }));
  try {
    await unpackPlotly();
  } catch (error) {
    const sentence = `The plots could not be drawn: ${error.message}. A browser of 2023 or later is needed.`;
    document
      .querySelectorAll(".chart")
      .forEach((box) => box.replaceChildren(make("p", { className: "empty" }, sentence)));
    return;
  }
  renderCharts();
  scrollTo(0, view.scroll);
  document.documentElement.dataset.ready = "true";
}

start();
