from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image
from tests.broken_data import voc

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.config.compose import compose
from lightweight_ssd.curation import show
from lightweight_ssd.curation.show import data_show
from lightweight_ssd.data.voc import VOC
from lightweight_ssd.plots.detections import draw_boxes


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_sheet_from_python_by_names_by_nodes_and_live(tmp_path: Path) -> None:
    source, title = voc(tmp_path), "the same"
    sheet = data_show(source, "none", 64, "val", images=1, output=tmp_path / "a.png", title=title, chart=None)
    assert (sheet.output, sheet.images, sheet.dataset_images) == (tmp_path / "a.png", 1, 2)
    node = compose(["augment=none", "image_size=64"], "data_show").augment
    for number, augment in enumerate((node, ["augment=none"], Pipeline({}, 64))):
        again = data_show(
            source, augment, 64, "val", images=1, output=tmp_path / f"{number}.png", title=title, chart=None
        )
        assert np.array_equal(pixels(sheet.output), pixels(again.output))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": 401}, "Expected images to be a whole number of at least 1 and at most 400, but got 401."),
        ({"split": "all"}, "Expected split to be one of test, train, val, but got 'all'."),
        ({"augment": "nome"}, "There is no option 'nome' of augment: did you mean none"),
        ({"output": "a.jpg"}, "Expected a PNG file for output=…"),
    ],
)
def test_a_wrong_argument_is_one_sentence(tmp_path: Path, arguments: dict, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        data_show(voc(tmp_path), **{"output": tmp_path / "a.png", **arguments})
    assert message in str(raised.value)


def test_chosen_classes_are_named_and_what_is_ignored_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def note(image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        drawn.extend(names[int(label)] for label in labels)
        return draw_boxes(image, boxes, labels, names)

    monkeypatch.setattr(show, "draw_boxes", note)
    voc(tmp_path)
    union = [{"2007": split} for split in ("train", "val", "test")]
    for classes, other, expected in (
        (["dog", "cat"], "background", "cat"),
        (["dog"], "ignore", "ignored"),
        (["cat"], "ignore", "cat"),
    ):
        source = VOC(tmp_path, ["cat", "dog"], *union, cache_dir=tmp_path, classes=classes, other_classes=other)
        drawn.clear()
        data_show(source, "none", 64, "val", images=1, output=tmp_path / "a.png", chart=None)
        assert drawn == [expected, expected], "on disk, and as training sees it"


def test_the_anchors_are_those_of_the_detector_that_is_asked_for(tmp_path: Path) -> None:
    source, quick = voc(tmp_path), {"images": 1, "output": tmp_path / "a.png", "chart": None}
    node = compose(
        ["detector.anchors.levels=[[[0.5,1.0]],[[0.5,1.0]],[[0.5,1.0]],[[0.5,1.0]],[[0.9,2.0]]]"], "data_show"
    )
    by_node = data_show(source, "none", 64, detector=OmegaConf.to_container(node.detector, resolve=True), **quick)
    by_name = data_show(source, "none", 64, neck="none", **quick)
    assert by_node.statistics.anchors == [[(0.5, 1.0)]] * 4 + [[(0.9, 2.0)]]
    assert [len(level) for level in by_name.statistics.anchors] == [3, 6, 6, 6, 6]
    assert by_name.chart is None and by_name.statistics.total.boxes == by_node.statistics.total.boxes > 0
