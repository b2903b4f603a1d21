"""What a command ends with."""

from pathlib import Path

import pytest
from tests.measured_images import NAMES, feed

from lightweight_ssd.commands.result_tables import coco_table, metrics_table, print_metrics
from lightweight_ssd.metrics.coco import COCOMetric
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.runs.results import ClassMetrics, SplitMetrics
from lightweight_ssd.training.outputs import split_metrics

IMAGES = list(range(12))


@pytest.fixture
def plain() -> SplitMetrics:
    return split_metrics(feed(VOCMetric(NAMES), IMAGES).compute())


@pytest.fixture
def both() -> SplitMetrics:
    return split_metrics(feed(VOCMetric(NAMES), IMAGES).compute(), feed(COCOMetric(NAMES), IMAGES).compute())


def _shown(value: float | None) -> str:
    return "-" if value is None or value != value else f"{100 * value:.1f}"


def test_ap_per_class_and_its_means(plain: SplitMetrics) -> None:
    head, *rows = metrics_table(plain).splitlines()
    assert head.split() == ["test", "AP", "in", "%", "objects", "AP@0.5", "11-point", "AP@[.5:.95]"]
    assert plain.per_class is not None and [row.split()[0] for row in rows] == [*NAMES, "test"]
    for name, row in zip(NAMES, rows, strict=False):
        one = plain.per_class[name]
        assert row.split()[1:] == [str(one.objects), *map(_shown, (one.ap_50, one.ap_50_11point, one.ap_50_95))]
    total = sum(one.objects or 0 for one in plain.per_class.values())
    assert rows[-1].split()[:2] == ["test", "mAP"]
    assert rows[-1].split()[2:] == [str(total), *map(_shown, (plain.map_50, plain.map_50_11point, plain.map_50_95))]


def test_coco_s_ap_is_one_more_column(plain: SplitMetrics, both: SplitMetrics) -> None:
    alone, beside = metrics_table(plain).splitlines(), metrics_table(both).splitlines()
    assert beside[0] == f"{alone[0]}  COCO AP" and len({len(line) for line in beside}) == 1
    assert both.coco is not None and both.coco.per_class is not None
    shares = [_shown(both.coco.per_class[name].ap) for name in NAMES] + [_shown(both.coco.ap)]
    assert shares[3] == "-", "a class without objects"
    assert [line.removeprefix(start).strip() for line, start in zip(beside[1:], alone[1:], strict=True)] == shares


def test_twelve_metrics_under_their_names(both: SplitMetrics) -> None:
    coco = feed(COCOMetric(NAMES), IMAGES).compute()
    assert both.coco is not None
    heads, precision, recall_heads, recall = (line.split() for line in coco_table(both.coco).splitlines())
    assert heads == ["test", "COCO", "AP", "in", "%", "@[.5:.95]", "@0.5", "@0.75", "small", "medium", "large"]
    assert recall_heads[5:] == ["top", "1", "top", "10", "top", "100", "small", "medium", "large"]
    shares = [_shown(value) for value in coco.scalars().values()]
    assert precision + recall == shares and "-" in shares


def test_the_split_is_named(both: SplitMetrics, capsys: pytest.CaptureFixture[str]) -> None:
    print_metrics(both, Path("run"), "val")
    said = capsys.readouterr().out
    assert "val AP in %" in said and "\nval mAP" in said and "val COCO AR in %" in said and "test" not in said


def test_without_coco_nothing_is_said_of_it(plain: SplitMetrics, capsys: pytest.CaptureFixture[str]) -> None:
    print_metrics(plain, Path("run"))
    said = capsys.readouterr().out
    assert "COCO" not in said and "results:   run/results.json" in said and "pictures:  run/pictures" in said


def test_a_name_is_shown_as_it_is_and_whole() -> None:
    name = f"[red]{'a very long name ' * 20}[/]".strip()
    table = metrics_table(SplitMetrics(per_class={name: ClassMetrics(objects=3)})).splitlines()
    assert table[1].startswith(name) and len(table) == 3
