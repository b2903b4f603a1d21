import json
from pathlib import Path

import pytest
import yaml
from tests.broken_data import voc
from tests.coco_example import document

from lightweight_ssd.config.compose import compose
from lightweight_ssd.curation.source import data_source
from lightweight_ssd.data.coco import COCO
from lightweight_ssd.data.shapes import Shapes
from lightweight_ssd.data.voc import VOC


def test_a_name_and_settings(tmp_path: Path) -> None:
    source = data_source("voc", root=Path("devkit"), class_names=("cat", "dog"), on_bad="skip")
    assert isinstance(source, VOC)
    assert (source.root, source.class_names, source.on_bad) == (Path("devkit"), ("cat", "dog"), "skip")
    assert source.splits["train"] == {"2007": ["trainval"], "2012": ["trainval"]}
    (tmp_path / "a.json").write_text(json.dumps(document()))  # Python 3.11 asks for the names to check the type
    split = {"annotations": "a.json", "images": "."}
    assert isinstance(data_source("coco", root=tmp_path, train=split, val=split, test=split), COCO)
    assert isinstance(data_source("shapes", seed=3), Shapes)


@pytest.mark.parametrize("year", [2007, "2007"])
def test_a_mapping_takes_the_place_of_the_configured_one_and_years_may_be_numbers(year: int | str) -> None:
    source = data_source("voc", train={year: "train"}, val={year: ["val"]})
    assert isinstance(source, VOC)
    assert source.splits["train"] == {"2007": ["train"]} and source.splits["val"] == {"2007": ["val"]}


@pytest.mark.parametrize("key", ["2007", '"2007"'])
def test_years_of_a_yaml_file_may_be_numbers(key: str) -> None:
    text = f"_target_: lightweight_ssd.data.voc.VOC\nroot: x\nclass_names: [cat]\ntrain: {{{key}: train}}\n"
    source = data_source({**yaml.safe_load(text), "val": {2012: "val"}, "test": {2012: "val"}})
    assert isinstance(source, VOC) and source.splits["train"] == {"2007": ["train"]}


def test_overrides_a_node_and_a_live_source_are_taken(tmp_path: Path) -> None:
    overrides = ["data=shapes", "data.root=mine"]
    assert data_source(overrides).root == data_source(compose(overrides).data).root == Path("mine")
    assert data_source("data=shapes").root == Path("data")
    live = voc(tmp_path)
    assert data_source(live) is live


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ("vco", {}, "There is no option 'vco' of data: did you mean voc"),
        ("voc", {"rot": "x"}, "There is no setting rot of the data: did you mean root?"),
        ("voc", {"root": None}, "Expected data.root to be a folder"),
        (["data=voc", "data.rot=x"], {}, "There is no key data.rot"),
    ],
)
def test_what_does_not_exist_is_one_sentence(arguments: str | list[str], settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.").replace("?", r"\?")):
        data_source(arguments, **settings)


def test_settings_of_a_live_source_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="root with a source that is made already"):
        data_source(voc(tmp_path), root="x")
