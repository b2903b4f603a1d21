// The ablation table: one line per row, its runs below it on demand, sortable by every column.

function shownColumns() {
  const without = {
    difference: payload.rows.some((row) => row.difference),
    paper: payload.rows.some((row) => row.paper),
    coco_ap: payload.rows.some((row) => metric(row, "coco_ap") || row.paper?.map_coco),
  };
  return COLUMNS.filter((column) => without[column.key] ?? true);
}

function renderTable() {
  const table = element("rows");
  renderSelectionCount();
  if (!payload.rows.length) {
    const sentence = payload.runs.length
      ? "No run has finished yet, so there is nothing to compare."
      : "No runs were found, so there is nothing to compare yet.";
    table.replaceChildren(make("caption", { className: "empty" }, sentence));
    return;
  }
  const columns = shownColumns();
  const body = make(
    "tbody",
    {},
    ...sortedRows(columns).flatMap((row) => [rowLine(row, columns), runsLine(row, columns)]),
  );
  table.replaceChildren(headLine(columns), body);
}

function sortedRows(columns) {
  const column = columns.find(({ key }) => key === view.sortKey);
  if (!column) return payload.rows;
  const turn = view.sortDown ? -1 : 1;
  return [...payload.rows].sort((a, b) => {
    const [left, right] = [column.value(a), column.value(b)];
    if (left === null || right === null) return (left === null) - (right === null); // what is missing stands last
    return turn * (column.text ? left.localeCompare(right, "en", { numeric: true }) : left - right);
  });
}

function headLine(columns) {
  const heads = columns.map((column) => {
    const direction = view.sortDown ? "descending" : "ascending";
    const sorted = view.sortKey === column.key ? direction : "none";
    const name = breakable(column.name, /(?=\[)/);
    const button = make("button", { type: "button", title: column.title ?? "", "data-sort": column.key }, ...name);
    button.addEventListener("click", () => sortBy(column));
    return make("th", { scope: "col", "aria-sort": sorted, className: column.key }, button);
  });
  const all = make("input", { type: "checkbox", "aria-label": "All rows in the plots" });
  all.addEventListener("change", () => selectAll(all.checked));
  all.checked = allRows.every(isSelected);
  all.indeterminate = !all.checked && allRows.some(isSelected);
  return make("thead", {}, make("tr", {}, make("th", { scope: "col", className: "check" }, all), ...heads));
}

function sortBy(column) {
  view.sortDown = view.sortKey === column.key ? !view.sortDown : !column.up;
  view.sortKey = column.key;
  keepView();
  renderTable();
  document.querySelector(`[data-sort="${column.key}"]`).focus();
}

function rowLine(row, columns) {
  const check = make("input", {
    type: "checkbox",
    checked: isSelected(row),
    "aria-label": `${row.label} in the plots`,
  });
  check.addEventListener("change", () => select(row, check.checked));
  const cells = columns.map((column) =>
    make(
      column.text ? "th" : "td",
      { className: column.key, ...(column.text && { scope: "row" }) },
      ...column.cells(row),
    ),
  );
  const line = make(
    "tr",
    { className: "row", "data-row": row.id },
    make("td", { className: "check" }, check),
    ...cells,
  );
  line.classList.toggle("unselected", !check.checked);
  return line;
}

// The runs of a row ---------------------------------------------------------------------------------------------------

function runsLine(row, columns) {
  const lines = runsOf(row).map((run) =>
    make(
      "tr",
      {},
      make("td", {}, String(seedOf(run))),
      make("td", {}, make("span", { className: `chip ${stateClass(run.state)}` }, run.state)),
      make("td", { className: "wrap" }, run.state === "finished" ? "" : runState(run)),
      make("td", { className: "code" }, run.commit ? run.commit.slice(0, 8) : NONE),
      make("td", {}, run.host ?? NONE),
      make("td", { className: "code wrap" }, run.folder ?? NONE),
    ),
  );
  const names = ["seed", "state", "", "commit", "host", "folder"].map((name) => make("th", { scope: "col" }, name));
  const inner = make(
    "table",
    { className: "runs" },
    make("thead", {}, make("tr", {}, ...names)),
    make("tbody", {}, ...lines),
  );
  return make(
    "tr",
    { className: "detail", hidden: !view.open.includes(row.id) },
    make("td"),
    make("td", { colSpan: columns.length }, inner),
  );
}

// Selection ------------------------------------------------------------------------------------------------------------

function select(row, on) {
  view.hidden = view.hidden.filter((id) => id !== row.id).concat(on ? [] : [row.id]);
  selectionChanged();
}

function selectAll(on) {
  view.hidden = on ? [] : allRows.map((row) => row.id);
  selectionChanged();
}

function renderSelectionCount() {
  element("selected-count").textContent = allRows.length
    ? `${selectedRows().length} of ${counted(allRows.length, "row")} in the plots`
    : "";
}

function renderLegend() {
  element("legend").replaceChildren(
    ...allRows.map((row) => {
      const button = make(
        "button",
        { type: "button", "aria-pressed": String(isSelected(row)), title: row.label },
        swatch(row),
        make("span", {}, row.label),
      );
      button.addEventListener("click", () => {
        select(row, !isSelected(row));
        element("legend").children[allRows.indexOf(row)].focus();
      });
      return button;
    }),
  );
}
