from pathlib import Path

import pytest
from tests.archive_server import ArchiveServer
from tests.small_archives import coco_archives, config_values

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.curation.prepare import data_prepare


def test_a_set_is_prepared_from_python_part_by_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "coco"
    with ArchiveServer(coco_archives()) as server:
        overrides = ["download=coco", *config_values(server.url(""), server.files)]
        first = data_prepare(overrides, root, ["annotations", "val2017"])
        assert (first.title, first.root, first.prepared) == ("COCO 2017", root, ("annotations", "val2017"))
        assert (first.missing, first.overrides) == (("train2017",), None)
        assert capsys.readouterr().out.startswith(f"COCO 2017 → {root}   (terms of use: http")
        node = build(compose(overrides, "data_prepare").download)
        rest = data_prepare(node, root)
    assert (rest.prepared, rest.missing) == (("train2017",), ())
    assert rest.overrides == ("data=coco", f"data.root={root}")
    assert rest.overrides is not None
    assert len(build(compose([*rest.overrides, f"data.cache_dir={tmp_path}"]).data).annotations("train")) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Expected what to prepare but got nothing"),
        ({"download": "imagenet"}, "There is no option 'imagenet' of download"),
        ({"download": "voc", "attempts": 0}, "Expected attempts to be a whole number of at least 1, but got 0."),
        ({"download": "voc", "timeout": 0}, "Expected timeout to be seconds above 0, but got 0."),
        ({"download": "voc", "parts": [2007]}, "but got 2007."),
    ],
)
def test_a_wrong_argument_is_one_sentence(tmp_path: Path, arguments: dict, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        data_prepare(**{"root": tmp_path, **arguments})
    assert message in str(raised.value)
