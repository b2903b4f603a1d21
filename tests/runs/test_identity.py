"""Which run is which, and which rows it belongs to."""

from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml
from tests.running import smoke_config

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.data.digest import digests_of
from lightweight_ssd.runs.identity import check_is_the_run, content_of, identify, row_of
from lightweight_ssd.runs.results import DataUsed, RunResults
from lightweight_ssd.runs.results_file import write_results


def test_runs_of_a_row_differ_in_the_seed_only(tmp_path: Path) -> None:
    configs = [smoke_config(tmp_path, *changed) for changed in ((), ("seed=1",), ("neck.circles=1",))]
    assert len({content_of(each) for each in configs}) == 3
    assert row_of(configs[0]) == row_of(configs[1]) != row_of(configs[2])


def test_the_folder_is_no_part_of_it(tmp_path: Path) -> None:
    one, other = smoke_config(tmp_path), smoke_config(tmp_path, run_dir="elsewhere")
    assert content_of(one) == content_of(other)


def test_hardware_counts_where_a_sweep_varies_it(tmp_path: Path) -> None:
    plain = [smoke_config(tmp_path, f"trainer.devices={n}") for n in (1, 2)]
    assert content_of(plain[0]) == content_of(plain[1])
    varied = [smoke_config(tmp_path, f"trainer.devices={n}", "content=[trainer.devices]") for n in (1, 2)]
    assert content_of(varied[0]) != content_of(varied[1])


def test_identity_carries_the_row_of_the_table(tmp_path: Path) -> None:
    cfg = smoke_config(tmp_path, "row={label: FPN, paper: {map_50: 0.729}, baseline: true}")
    identity = identify(cfg, {"neck": "fpn", "scale": "smoke"}, ["neck=fpn"])
    assert identity["label"] == "FPN" and identity["paper"] == {"map_50": 0.729} and identity["baseline"] is True
    assert identity["note"] is None
    assert identity["scale"] == "smoke" and identity["overrides"] == ["neck=fpn"] and identity["seed"] == 0


def test_a_finished_run_of_an_earlier_version_is_taken_only_for_the_same_annotations(tmp_path: Path) -> None:
    """Its configuration lacks a key whose neutral value may read the files in another way today."""
    cfg = smoke_config(tmp_path, "data.train_images=4", "data.val_images=2", "data.test_images=2")
    run, config = tmp_path / "run", resolved(cfg)
    digests = digests_of(build(cfg.data))
    for changes, known in (({}, True), ({"train": "0" * 12}, False)):
        data = DataUsed(root=config["data"]["root"], digests=digests | changes)
        run.mkdir(exist_ok=True)
        write_results(run, RunResults(data=data))
        (run / "config.yaml").write_text(yaml.safe_dump(config))
        check_is_the_run(cfg, run)  # of this version: the files need not be read
        older = {key: value for key, value in config["data"].items() if key != "classes"}
        (run / "config.yaml").write_text(yaml.safe_dump(config | {"data": older}))
        with nullcontext() if known else pytest.raises(ValueError, match="are now read in another way"):
            check_is_the_run(cfg, run)
