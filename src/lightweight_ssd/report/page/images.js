// The embedded images with the detections of two runs, those first on which the runs differ most.

const IMAGES_AT_ONCE = 6;
let shownImages = IMAGES_AT_ONCE;

function runName(run) {
  return `${rowsById.get(run.row)?.label ?? run.row} · seed ${seedOf(run)}`;
}

// Runs that scored an image; a baseline's first run against the first of a row that is compared with it, or of any
// other row, unless the reader chose.
function imageRuns() {
  const scored = payload.runs.filter((run) => payload.images.some((image) => isNumber(image.score?.[run.id])));
  const chosen = (id) => scored.find((run) => run.id === id);
  const first = chosen(view.runA) ?? scored.find((run) => rowsById.get(run.row)?.baseline) ?? scored[0];
  const second =
    chosen(view.runB) ??
    scored.find((run) => run.row !== first.row && isCompared(run, first)) ??
    scored.find((run) => run.row !== first.row) ??
    scored.find((run) => run !== first);
  return { scored, first, second };
}

function isCompared(run, other) {
  const row = rowsById.get(run.row);
  return row !== undefined && baselineOf(row) === rowsById.get(other.row);
}

function renderImages() {
  const { scored, first, second } = imageRuns();
  const options = scored.map((run) => [run.id, runName(run)]);
  fillSelect(element("run-a"), options, first?.id, (id) => chooseRun("runA", id));
  fillSelect(element("run-b"), second ? options : [], second?.id, (id) => chooseRun("runB", id));
  const ofOne = first ? payload.images : [];
  const ranked = second ? rankedImages(first, second) : ofOne;
  element("images-title").textContent = second ? "Images on which two runs differ most" : "Detections";
  element("images-hint").textContent = second ? "" : "Test images from the worst to the best. ";
  element("more-images").hidden = ranked.length <= shownImages;
  if (!ranked.length) {
    element("images").replaceChildren(make("p", { className: "empty" }, "No images are embedded in this page."));
    return;
  }
  element("images").replaceChildren(...ranked.slice(0, shownImages).map((image) => imageCard(image, first, second)));
}

function chooseRun(which, id) {
  view[which] = id;
  shownImages = IMAGES_AT_ONCE;
  keepView();
  renderImages();
}

function rankedImages(first, second) {
  const gap = (image) => Math.abs(image.score[first.id] - image.score[second.id]);
  return payload.images
    .filter((image) => isNumber(image.score?.[first.id]) && isNumber(image.score?.[second.id]))
    .sort((a, b) => gap(b) - gap(a));
}

function imageCard(image, first, second) {
  if (!second) {
    const title = make("figcaption", { className: "code", title: image.file }, image.file);
    return make("figure", { className: "pair alone" }, title, side(image, "", first));
  }
  const name = make(
    "figcaption",
    { title: image.file },
    make("span", { className: "code" }, image.file),
    make(
      "span",
      { className: "quiet" },
      ` scores differ by ${percent(Math.abs(image.score[first.id] - image.score[second.id]))}`,
    ),
  );
  return make("figure", { className: "pair" }, name, side(image, "A", first), side(image, "B", second));
}

function side(image, letter, run) {
  const found = image.found?.[run.id] ?? [];
  const about = `${letter ? letter + ": " : ""}${runName(run)}, ${counted(found.length, "detection")}, ${counted(image.truth.length, "object")}`;
  const canvas = make("canvas", {
    width: 640,
    height: Math.min(2000, Math.round((640 * image.height) / image.width)) || 480,
    role: "img",
    ariaLabel: about,
  });
  const caption = make(
    "span",
    { className: "caption" },
    make("b", {}, `${letter} ${percent(image.score[run.id])}`.trim()),
    " ",
    make("span", { className: "quiet" }, runName(run)),
  );
  paint(canvas, image, found);
  return make("div", {}, canvas, caption);
}

function paint(canvas, image, found) {
  const pen = canvas.getContext("2d");
  const scale = canvas.width / image.width;
  const finish = () => {
    for (const object of image.truth) paintTruth(pen, object, scale);
    for (const detection of [...found].sort((a, b) => a[5] - b[5])) paintDetection(pen, detection, scale);
  };
  if (image.src) {
    const picture = new Image();
    picture.onload = () => {
      pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
      finish();
    };
    picture.onerror = () => paintMissing(pen, "The embedded image could not be read.", finish);
    picture.src = image.src;
  } else {
    paintMissing(pen, "The image file was not found; boxes only.", finish);
  }
}

function paintMissing(pen, sentence, finish) {
  const { width, height } = pen.canvas;
  pen.fillStyle = "#83898f";
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = "#ffffff";
  pen.font = "20px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.fillText(sentence, width / 2, height - 16, width - 40);
  pen.textAlign = "left";
  finish();
}

// White over black, so that it is visible on any photograph.
function paintTruth(pen, { box, difficult }, scale) {
  const [x1, y1, x2, y2] = box.map((value) => value * scale);
  const width = difficult ? 1 : 2;
  for (const [color, extra] of [
    ["#000000", 2],
    ["#ffffff", 0],
  ]) {
    pen.setLineDash(extra ? [] : [9, 6]);
    pen.strokeStyle = color;
    pen.lineWidth = width + extra;
    pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }
  pen.setLineDash([]);
}

function paintDetection(pen, [x1, y1, x2, y2, label, score], scale) {
  const [color, ink] = classColors[label] ?? ["#ffffff", "#000000"];
  const [left, top] = [x1 * scale, y1 * scale];
  pen.strokeStyle = color;
  pen.lineWidth = 3;
  pen.strokeRect(left, top, (x2 - x1) * scale, (y2 - y1) * scale);
  const text = `${shorten(payload.classes[label] ?? String(label), 24)} ${Math.round(100 * score)}`;
  pen.font = "600 18px system-ui, sans-serif";
  const width = pen.measureText(text).width + 10;
  const [x, y] = [Math.max(0, Math.min(left - 1.5, pen.canvas.width - width)), Math.max(0, top - 24)];
  pen.fillStyle = color;
  pen.fillRect(x, y, width, 24);
  pen.fillStyle = ink;
  pen.fillText(text, x + 5, y + 18);
}
