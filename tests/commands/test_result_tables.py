"""What a command ends with."""

from pathlib import Path

import pytest
from tests.measured_images import NAMES, feed

from lightweight_ssd.commands.result_tables import coco_table, print_result, result_table
from lightweight_ssd.metrics.coco import COCOMetric
from lightweight_ssd.metrics.voc import VOCMetric

IMAGES = list(range(12))


def test_coco_s_ap_is_one_more_column() -> None:
    voc, coco = (feed(metric(NAMES), IMAGES).compute() for metric in (VOCMetric, COCOMetric))
    plain, beside = result_table(voc).splitlines(), result_table(voc, coco).splitlines()
    assert beside[0] == f"{plain[0]}  COCO AP" and len({len(line) for line in beside}) == 1
    shares = [f"{100 * ap:.1f}" for ap in coco.class_ap[:3]] + ["-", f"{100 * coco.ap:.1f}"]
    assert [line.removeprefix(start).strip() for line, start in zip(beside[1:], plain[1:], strict=True)] == shares


def test_twelve_figures_under_their_names() -> None:
    coco = feed(COCOMetric(NAMES), IMAGES).compute()
    heads, precision, recall_heads, recall = (line.split() for line in coco_table(coco).splitlines())
    assert heads == ["COCO", "AP", "50:95", "50", "75", "small", "medium", "large"]
    assert recall_heads[2:] == ["top", "1", "top", "10", "top", "100", "small", "medium", "large"]
    figures = ["-" if value != value else f"{100 * value:.1f}" for value in coco.scalars().values()]
    assert precision + recall == figures and "-" in figures


def test_without_coco_nothing_is_said_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(feed(VOCMetric(NAMES), IMAGES).compute(), Path("run"))
    said = capsys.readouterr().out
    assert "COCO" not in said and "figures:   run/results.json" in said
