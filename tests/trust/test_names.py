"""Names in somebody's data: shown as they are, or refused, but never looked up, drawn as a formula or obeyed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from tests.coco_example import document, write
from tests.run_server import RunServer

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.commands.result_tables import metrics_table
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.data.checks.problems import Findings, Kind, Problem
from lightweight_ssd.data.coco import COCO
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.metrics.average_precision import Curve
from lightweight_ssd.plots.contact_sheet import contact_sheet
from lightweight_ssd.plots.curves import average_precision_bars, confusion_heat_map, precision_recall_curves
from lightweight_ssd.plots.data_statistics import data_statistics
from lightweight_ssd.plots.detections import detection_gallery, draw_boxes
from lightweight_ssd.plots.style import save
from lightweight_ssd.runs.results import ClassMetrics, SplitMetrics
from lightweight_ssd.sweeps.record import JobRecord
from lightweight_ssd.sweeps.sweep import progress_line, sweep_table
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation

REFERENCE = "${oc.env:LSSD_TEST_HARMLESS}"
MARKUP = "[red]a[/red] b$c$ <b>"
CONTROL = "a\x1b[7mb\rc\n"
SHOWN = "a�[7mb�c�"
NAMES = ("a$b$", r"$\frac{1}$", "_x", CONTROL)
DRAWN = (r"a\$b\$", r"\$\frac{1}\$", "_x", SHOWN)


@pytest.fixture(autouse=True)
def harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSSD_TEST_HARMLESS", "looked up")


def named(tmp_path: Path, name: str) -> COCO:
    """A data set in COCO's format, one of whose categories has this name."""
    content = document()
    content["categories"][0]["name"] = name
    file = write(tmp_path, content)
    part = {"annotations": file.name, "images": "images"}
    return COCO(tmp_path, part, part, part, cache_dir=tmp_path / "cache")


def test_a_name_that_a_configuration_would_replace_is_refused_where_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^Expected the name of categories\[0\] of \S+ without \$\{…\}.*rename it\.$"):
        named(tmp_path, REFERENCE).annotations("train")


@pytest.mark.parametrize("names", [[REFERENCE], ["cat", ("dog", REFERENCE)], REFERENCE])
def test_no_part_is_built_with_such_a_name(names: Any) -> None:
    node = {"_target_": "lightweight_ssd.metrics.voc.VOCMetric"}
    with pytest.raises(ValueError, match=r"^Expected class_names without \$\{…\}"):
        build(node, class_names=names)


def test_other_markup_in_a_name_is_part_of_it(tmp_path: Path) -> None:
    assert named(tmp_path, MARKUP).annotations("train").class_names[2] == MARKUP
    metric = build({"_target_": "lightweight_ssd.metrics.voc.VOCMetric"}, class_names=[MARKUP])
    assert list(metric.class_names) == [MARKUP]


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))  # pyright: ignore[reportAttributeAccessIssue]


def annotated(path: str = "/data/a.jpg") -> Annotation:
    boxes = np.tile(np.array([[2, 2, 30, 20]], np.float32), (len(NAMES), 1))
    return Annotation.of_boxes(1, path, 40, 60, boxes, np.arange(len(NAMES)))


def drawings() -> dict[str, Figure]:
    """A figure of each kind that shows the names of classes."""
    count = len(NAMES)
    points = np.linspace(0, 1, 3)
    curve = Curve(*([points.astype(np.float32)] * len(Curve._fields)))
    shares = np.full(count, 0.5)
    split = PackedAnnotations.from_annotations([annotated()], NAMES)
    image = np.zeros((40, 60, 3), np.uint8)
    return {
        "curves": precision_recall_curves([curve] * count, NAMES, shares),
        "bars": average_precision_bars(NAMES, shares, np.ones(count, np.int64)),
        "confusion": confusion_heat_map(np.eye(count + 1, dtype=np.int64), NAMES),
        "statistics": data_statistics(split),
        "sheet": contact_sheet([image] * count, [image] * count, [(name, "") for name in NAMES], "title"),
    }


@pytest.mark.parametrize("kind", ["curves", "bars", "confusion", "statistics", "sheet"])
def test_a_dollar_sign_begins_no_formula_in_a_plot(kind: str, tmp_path: Path) -> None:
    figure = drawings()[kind]
    assert all(name in texts(figure) for name in DRAWN)
    assert save(figure, tmp_path / "a.png", dpi=40).stat().st_size


def test_nor_beside_a_box(tmp_path: Path) -> None:
    found = Detections(torch.tensor([[2.0, 2, 30, 20]]), torch.tensor([0.9]), torch.tensor([1]))
    image: Any = np.zeros((40, 60, 3), np.uint8)
    gallery = detection_gallery([image], [annotated("/data/a$b$.jpg")], [found], NAMES)
    assert all(name in texts(gallery) for name in (*DRAWN, r"a\$b\$.jpg"))
    assert save(gallery, tmp_path / "a.png", dpi=40).stat().st_size
    drawn = draw_boxes(image, annotated().boxes, np.full(len(NAMES), 3), NAMES)
    assert drawn.shape == image.shape and drawn.any()


def test_a_terminal_obeys_nothing_in_a_table() -> None:
    table = metrics_table(SplitMetrics(map_50=0.5, per_class={MARKUP: ClassMetrics(0.5), CONTROL: ClassMetrics(0.5)}))
    assert MARKUP in table and SHOWN in table and "\x1b" not in table


def test_nor_in_a_line_on_a_job() -> None:
    job = JobRecord(0, ["seed=0"], "failed", reason=f"ValueError: {CONTROL}")
    for shown in (progress_line(job, "seed=0", 1, {}), sweep_table([job], [["seed=0"]])):
        assert "ValueError: a�[7mb�c" in shown and "\x1b" not in shown


def test_nor_in_an_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SystemExit), one_sentence_errors("lssd train"):
        raise ValueError(f"Expected {CONTROL}, and\nanother line")
    shown = capsys.readouterr().err
    assert shown.startswith("lssd train: Expected a�[7mb�c\n, and\nanother line\n") and "\x1b" not in shown


def test_a_spreadsheet_computes_nothing_in_the_list_of_problems(tmp_path: Path) -> None:
    problems = [Problem(Kind.MALFORMED, "train", f"{sign}1+1.jpg", f"{sign}A1") for sign in "=+-@'"]
    with Findings(tmp_path / "problems.csv") as findings:
        for problem in problems:
            findings.add(problem)
    rows = [line.split(",") for line in (tmp_path / "problems.csv").read_text().splitlines()[1:]]
    assert all(cell.startswith("'") for row in rows for cell in row[3:])
    from lightweight_ssd.curation.check import DataCheck

    assert list(DataCheck({}, findings, False).problems()) == problems


@pytest.mark.slow
def test_a_training_ends_with_the_sentence_before_its_first_step(tmp_path: Path, server: RunServer) -> None:
    content = document()
    content["categories"][0]["name"] = REFERENCE
    file = write(tmp_path, content)
    parts = [f"data.{split}.{key}" for split in ("train", "val", "test") for key in ("annotations", "images")]
    values = [file.name, "images"] * 3
    places = [f"{part}={value}" for part, value in zip(parts, values, strict=True)]
    given = ["experiment=smoke", "data=coco", f"data.root={tmp_path}", "logger=csv", *places]
    ended = server.run(
        tmp_path, "train", *given, LSSD_TEST_HARMLESS="looked up", XDG_CACHE_HOME=str(tmp_path / "cache")
    )
    assert ended.code == 1 and "Expected the name of categories[0] of" in ended.err
    assert "looked up" not in ended.out + ended.err
    assert not [path for path in tmp_path.rglob("*.json") if "looked up" in path.read_text()]
