from pathlib import Path

import numpy as np
import pytest

from lightweight_ssd.metrics.average_precision import Curve
from lightweight_ssd.plots.curves import average_precision_bars, confusion_heat_map, precision_recall_curves
from lightweight_ssd.plots.style import save

NOTHING = Curve(np.zeros(0), np.zeros(0), np.zeros(0))
RISING = Curve(np.array([1.0, 0.5, 2 / 3]), np.array([0.5, 0.5, 1.0]), np.array([0.9, 0.8, 0.7]))


def names(count: int) -> list[str]:
    return [f"class {i}" for i in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 3, 20])
def test_a_panel_per_class(count: int, tmp_path: Path):
    figure = precision_recall_curves([RISING] * count, names(count), np.full(count, 0.5))
    panels = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert panels == [f"{name}  50.0" for name in names(count)]
    assert save(figure, tmp_path / "curves.png", dpi=20).is_file()


def test_the_interpolated_line_never_rises():
    axes = precision_recall_curves([RISING], ["cat"], np.array([5 / 6])).axes[0]
    precision = np.asarray(axes.lines[-1].get_ydata())
    assert (np.diff(precision) <= 0).all() and precision[-1] == pytest.approx(2 / 3)


def test_classes_without_objects_or_detections_have_no_line():
    undefined = RISING._replace(recall=np.full(3, np.nan))
    figure = precision_recall_curves([NOTHING, undefined], names(2), np.array([0.0, np.nan]))
    assert [len(axes.lines) for axes in figure.axes] == [0, 0]
    assert figure.axes[1].get_title(loc="left") == "class 1  no objects"


@pytest.mark.parametrize("count", [0, 1, 20])
def test_bars_of_any_number_of_classes(count: int, tmp_path: Path):
    figure = average_precision_bars(names(count), np.linspace(0, 1, count), np.arange(count))
    assert len(figure.axes[0].patches) == count
    assert save(figure, tmp_path / "bars.png", dpi=20).is_file()


def test_bars_put_the_best_on_top_and_the_unknown_last():
    axes = average_precision_bars(("a", "b", "c"), np.array([0.2, np.nan, 0.6]), np.array([5, 0, 7])).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b (0)", "a (5)", "c (7)"]
    assert [text.get_text() for text in axes.texts] == ["no objects", "20.0", "60.0", "mAP 40.0"]


def test_bars_without_any_known_class_have_no_mean():
    axes = average_precision_bars(names(2), np.full(2, np.nan), np.zeros(2, int)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["no objects", "no objects"]


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 2, 20])
def test_a_heat_map_writes_every_count(count: int, tmp_path: Path):
    matrix = np.arange((count + 1) ** 2).reshape(count + 1, count + 1)
    figure = confusion_heat_map(matrix, names(count), score_threshold=0.25)
    assert figure.get_suptitle() == "Confusion matrix: true vs. predicted class (score ≥ 0.25, IoU ≥ 0.5)"
    assert sorted(int(text.get_text()) for text in figure.axes[0].texts) == list(range(1, (count + 1) ** 2))
    assert figure.axes[0].get_xticklabels()[-1].get_text() == "background"
    assert save(figure, tmp_path / "confusion.png", dpi=20).is_file()


def test_of_many_classes_those_are_shown_that_are_confused_and_every_object_is_counted(tmp_path: Path):
    matrix = np.diag(np.full(81, 50))
    matrix[3, 70], matrix[70, 3], matrix[79, 3], matrix[5, 80], matrix[10, 11] = 9, 4, 7, 33, 1
    figure = confusion_heat_map(matrix, names(80))
    axes = figure.axes[0]
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert {"class 3", "class 70", "class 79", "class 10", "class 11"} <= set(shown) and len(shown) == 26
    assert shown[-2:] == ["56 others", "background"] and shown[:-2] == sorted(
        shown[:-2], key=lambda each: int(each[6:])
    )
    assert sum(int(text.get_text()) for text in axes.texts) == matrix.sum()
    assert "; the 24 most confused of 80 classes (" in figure.get_suptitle()
    assert save(figure, tmp_path / "confusion.png", dpi=20).is_file()
