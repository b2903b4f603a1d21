"""Which run is which, and which rows it belongs to."""

from pathlib import Path

from tests.running import smoke_config

from lightweight_ssd.runs.identity import content_of, identify, row_of


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
    assert identity["scale"] == "smoke" and identity["overrides"] == ["neck=fpn"] and identity["seed"] == 0
