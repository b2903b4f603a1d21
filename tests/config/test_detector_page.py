"""The page of the detectors and its diagrams say what the configurations say."""

from pathlib import Path

from lightweight_ssd.config.compose import choices_of, compose
from lightweight_ssd.config.detector_diagram import detector_diagram
from lightweight_ssd.config.detector_page import detectors_page
from lightweight_ssd.config.paths import options_of
from lightweight_ssd.config.settings import resolved

PAGE = Path(__file__).parents[2] / "docs" / "detectors.md"


def _diagram(*overrides: str) -> str:
    cfg = compose(overrides)
    return detector_diagram(resolved(cfg), choices_of(cfg))


def test_the_page_is_up_to_date() -> None:
    """Where it is not, write `detectors_page()` of `config/detector_page` there."""
    assert PAGE.read_text(encoding="utf-8") == detectors_page()


def test_every_detector_has_a_section_with_its_diagram() -> None:
    sections = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    assert [each.partition("\n")[0] for each in sections] == [*options_of("detector"), "Table 5 of the paper"]
    assert all("```text\nimage " in each for each in sections[:-1])


def test_a_diagram_shows_the_parts_that_were_chosen() -> None:
    lines = _diagram("backbone=mobilenet_v2", "neck=fpn", "neck.width=64", "loss=ciou", "image_size=[200,320]").split(
        "\n"
    )
    assert lines[0].split() == ["image", "320×200", "pixels"]
    chain = [line.split()[0] for line in lines if line[:1].isalpha()]
    assert chain == ["image", "backbone", "neck", "head"]
    text = "\n".join(lines)
    for said in (
        "backbone=mobilenet_v2: MobileNetV2",
        "neck=fpn: FPN (width 64)",
        "loss=ciou: CIoU",
        "IoUMatcher (threshold 0.5",
    ):
        assert said in text
    assert lines[-1].endswith("score > 0.01, NMS at IoU 0.6, at most 100 boxes an image")


def test_diagrams_fit_the_page() -> None:
    blocks = PAGE.read_text(encoding="utf-8").split("```text\n")[1:]
    lines = [line for block in blocks for line in block.partition("\n```")[0].split("\n")]
    assert max(map(len, lines)) <= 100
