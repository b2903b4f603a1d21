"""Exports that real tools write, checked and trained on with `data=folder`; `make tools` installs the tools."""

import json
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest
from tests.small_exports import SIZES, picture
from tests.tools.write_exports import EXPORTS

from lightweight_ssd.curation.check import data_check
from lightweight_ssd.data.checks.problems import Kind
from lightweight_ssd.data.folder import Folder
from lightweight_ssd.training.run import train

REPOSITORY = Path(__file__).parents[2]
PYTHON = REPOSITORY / ".venv-tools" / "bin" / "python"
BOXES = {  # away from the edge, where labelImg moves a corner at 0 to 1
    "a": [("cat", 10, 12, 40, 33), ("dog", 1, 1, 20, 15)],
    "b": [("dog", 5, 6, 55, 47)],
    "c": [],
}
DECIMALS = {"datumaro", "globox"}  # write more than whole pixels


def _source(folder: Path, export: str) -> dict[str, list[tuple[str, list[float]]]]:
    """Eighteen pictures with boxes.json; returns the boxes by picture."""
    shift = 0.25 if export.split()[0] in DECIMALS else 0.0
    content, boxes = {}, {}
    for number in range(18):
        name = "abc"[number % 3]
        file = f"{name}_{number:02d}.png"
        picture(folder / file, name, number)
        moved = [(label, [edge + shift for edge in edges]) for label, *edges in BOXES[name]]
        content[file] = [SIZES[name], [[label, *edges] for label, edges in moved]]
        boxes[file] = moved
    (folder / "boxes.json").write_text(json.dumps(content))
    return boxes


@pytest.mark.slow
@pytest.mark.parametrize("export", EXPORTS)
def test_an_export_is_checked_read_and_trained_on_as_it_is(tmp_path: Path, export: str):
    assert PYTHON.exists(), "The tools are not installed: run make tools."
    source = _source(tmp_path / "source", export)
    root = tmp_path / "export"
    command = [PYTHON, REPOSITORY / "tests/tools/write_exports.py", export, tmp_path / "source", root]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    data = Folder(root, cache_dir=tmp_path / "cache")
    assert data.class_names == ("cat", "dog")
    found = {Path(one.path).name: one for split in ("train", "val") for one in data.annotations(split)}
    assert found.keys() == source.keys()
    for name, one in found.items():
        wanted = sorted(source[name])
        ours = sorted((data.class_names[label], box.tolist()) for label, box in zip(one.labels, one.boxes, strict=True))
        assert [label for label, _ in ours] == [label for label, _ in wanted]
        edges = [np.array([box for _, box in each]).reshape(-1, 4) for each in (ours, wanted)]
        assert np.abs(edges[0] - edges[1]).max(initial=0) <= 0.5
    check = data_check("folder", root=str(root), output=tmp_path / "problems.csv", cache_dir=str(tmp_path / "cache"))
    assert check.errors == 0, str(check)
    assert Kind.REFUSED not in check.counts and check.images["train"] + check.images["val"] == 18
    settings = [
        "trainer=cpu",
        "trainer.max_steps=2",
        "batch_size=2",
        "eval_batch_size=2",
        "image_size=64",
        "num_workers=0",
    ]
    more = ["logger=csv", "latency=null", "pictures=0", "gray_test=false", "neck=none", f"runs={tmp_path / 'runs'}"]
    folder = ["data=folder", f"data.root={root}", f"data.cache_dir={tmp_path / 'cache'}"]
    run = train([*folder, *settings, *more])
    assert run.results.training is not None and run.results.training.steps == 2


def test_the_extra_names_the_tools_in_the_versions_that_are_installed():
    extra = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]["tools"]
    pinned = (REPOSITORY / "tests/tools/requirements.txt").read_text().splitlines()
    assert {line.partition("=")[0] for line in extra} == {"datumaro", "supervision", "globox", "labelImg"}
    assert set(extra) <= set(pinned)
