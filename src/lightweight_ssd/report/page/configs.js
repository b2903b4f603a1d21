// The keys in which the configs of the selected rows differ, and no others.

function renderConfigs() {
  const rows = selectedRows().filter((row) => row.finished);
  const box = element("configs");
  const keys = differingKeys(rows);
  if (rows.length < 2 || !keys.length) {
    const sentence =
      rows.length < 2
        ? "Select at least two rows to see in what they differ."
        : "The configs of the selected rows do not differ.";
    box.replaceChildren(make("p", { className: "empty" }, sentence));
    return;
  }
  const heads = rows.map((row) =>
    make("th", { scope: "col" }, swatch(row), make("span", { className: "label" }, row.label)),
  );
  const head = make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "key"), ...heads));
  const body = make(
    "tbody",
    {},
    ...keys.map((key) =>
      make("tr", {}, make("th", { scope: "row", className: "code" }, key), ...rows.map((row) => configCell(row, key))),
    ),
  );
  box.replaceChildren(
    make(
      "div",
      { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Config differences" },
      make("table", { className: "configs" }, head, body),
    ),
  );
}

const configText = (row, key) => {
  const value = payload.configs[row.id]?.[key];
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
};

function differingKeys(rows) {
  const keys = new Set(rows.flatMap((row) => Object.keys(payload.configs[row.id] ?? {})));
  return [...keys].filter((key) => new Set(rows.map((row) => configText(row, key))).size > 1).sort();
}

// Text that may break at `places` and nowhere else unless it must: a dotted path after its dots.
const breakable = (text, places = /(?<=[./])/) =>
  text.split(places).flatMap((part, place) => (place ? [make("wbr"), part] : [part]));

// What is as in the row's baseline (or the first row) steps back, so that a row's own choice is what one reads.
function configCell(row, key) {
  const own = baselineOf(row);
  const reference = own && isSelected(own) ? own : selectedRows().find((other) => other.finished);
  const [text, usual] = [configText(row, key), configText(reference, key)];
  return make(
    "td",
    { className: row !== reference && text !== usual ? "code changed" : "code", title: text },
    ...(text === "" ? [NONE] : breakable(text)),
  );
}
