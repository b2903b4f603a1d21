"""What looks like a number is read as it is meant, typed or in a file of the user's."""

from pathlib import Path

import pytest
from tests.command_line import run_command

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.overrides import as_meant


@pytest.mark.parametrize(
    "argument",
    [
        "seed=1", "trainer.max_steps=-1", "experiment_name=mine", "runs=null", "run_dir=2007/a", "runs=['7']",
        'experiment_name="7"', "-m", "--config-dir", "mine", "patience=inf", "name=a.inf", "neck={width: 64}",
        "data.val={annotations: val.json, images: images}", "a={2007: x},{2008: y}", "x={1", "~data.train.2007",
        "backbone.rows=[{block: mix, repeats: 2}]", "label='a={7: b'",
    ],
)  # fmt: skip
def test_whatever_hydra_reads_rightly_stays(argument: str) -> None:
    assert as_meant([argument]) == [argument]


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("experiment_name=1", ['experiment_name="1"']),
        ("experiment_name=4362e60", ['experiment_name="4362e60"']),
        ("run_dir=1_0", ['run_dir="1_0"']),
        ("data.root=007", ['data.root="007"']),
        ("a.b=-.inf", ["a.b=-inf"]),
        ("data.train={2007: [a, 'b c'], 2012: null}", ["data.train.2007=[a,'b c']", "data.train.2012=null"]),
        ("+data.train={2007: a, fruits: b}", ["++data.train.2007=a", "++data.train.fruits=b"]),
    ],
)
def test_numbers_are_read_as_they_are_meant(argument: str, meant: list[str]) -> None:
    assert as_meant([argument]) == meant


@pytest.mark.parametrize(
    "overrides",
    [
        ["data.train={2007: train, 2012: null}"],
        ["data.train.2007=train", "data.train.2012=null"],
        ["++data.train={2007: train, 2012: null}"],
    ],
)
def test_both_spellings_of_a_year_are_one(overrides: list[str]) -> None:
    assert compose(["data=voc", *overrides]).data.train == {"2007": "train", "2012": None}


def test_a_commit_is_a_name_and_infinity_a_number() -> None:
    cfg = compose(["experiment_name=4362e60", "runs=7", "callbacks.early_stopping.patience=.inf"])
    assert (cfg.experiment_name, cfg.runs, cfg.callbacks.early_stopping.patience) == ("4362e60", "7", float("inf"))


@pytest.mark.parametrize("after", [[], ["data.train.2007=other"], ["data.train={2007: other}"]])
def test_years_in_a_file_of_ones_own(after: list[str], tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults: [override /data: voc]\n"
        "data: {train: {2007: train, 2012: null}, val: {2007: val}, root: '${oc.env:HOME}'}\n"
    )
    own = ("train", "--config-dir", str(tmp_path), "experiment=mine", *after, "--cfg", "job", "--package", "data")
    ended = run_command(monkeypatch, capsys, *own)
    year = "other" if after else "train"
    assert f"train:\n  '2007': {year}\n  '2012': null\nval:\n  '2007': val\ntest:" in ended.out
    assert "${oc.env:HOME}" in ended.out  # nothing but the keys is touched
