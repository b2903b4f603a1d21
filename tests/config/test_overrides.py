"""What looks like a number is read as it is meant, typed or in a file of the user's."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.command_line import run_command

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.overrides import as_meant, quoted


@pytest.mark.parametrize(
    "argument",
    [
        "seed=1", "trainer.max_steps=-1", "experiment_name=mine", "runs=null", "run_dir=2007/a", "runs=['7']",
        'experiment_name="7"', "-m", "--config-dir", "mine", "patience=inf", "name=a.inf", "neck={width: 64}",
        "data.val={annotations: val.json, images: images}", "a={2007: x},{2008: y}", "x={1", "~data.train.2007",
        "backbone.rows=[{block: mix, repeats: 2}]", "label='a={7: b'", "data.root=007",
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
        ("a.b=-.inf", ["a.b=-inf"]),
        ("data.train={2007: [a, 'b c'], 2012: null}", ["data.train.2007=[a,'b c']", "data.train.2012=null"]),
        ("data.root=1e3", ['data.root="1e3"']),
        ("resume=true", ['resume="true"']),
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


SPLITS = {"train": "train", "val": "valid", "test": "test"}


@pytest.mark.parametrize(
    ("overrides", "images"),
    [
        (["data.images={train: train, val: valid, test: test}"], SPLITS),
        (["data.images.train=train", "data.images.val=valid", "+data.images.test=test"], SPLITS),
        (["data.images={train: 2007, val: 'a, b'}"], {"train": "2007", "val": "a, b"}),
        (["data.images.train=my images (1)"], {"train": "my images (1)"}),
        (["data.images=[a], b"], "[a], b"),
        (["data.images=null"], None),
    ],
)
def test_images_in_one_folder_or_in_one_for_each_split(overrides: list[str], images: object) -> None:
    assert compose(["data=voc", "data.root=mine", *overrides]).data.images == images


OF_FINETUNE = compose(["experiment=finetune"]).lr_factors


@pytest.mark.parametrize(
    ("overrides", "factors"),
    [
        (["lr_factors={backbone: 0.1, neck: 0.5}"], {"backbone": 0.1, "neck": 0.5}),
        (["experiment=finetune", "lr_factors={neck: 0.5}"], {**OF_FINETUNE, "neck": 0.5}),
        (["experiment=finetune", "lr_factors={backbone.feature: 0.2}"], {**OF_FINETUNE, "backbone.feature": 0.2}),
        (["experiment=finetune", "lr_factors=null", "lr_factors={neck: 0.5}"], {"neck": 0.5}),
        (["experiment=finetune", "~lr_factors", "lr_factors={neck: 0.5}"], {"neck": 0.5}),
        (["experiment=finetune", "lr_factors=null"], None),
    ],
)
def test_any_part_may_have_a_factor_also_in_an_experiment_that_has_some(overrides: list[str], factors: object) -> None:
    assert compose(overrides).lr_factors == factors


@pytest.mark.parametrize(
    ("argument", "classes"),
    [
        ("data.classes=[人]", ["人"]),
        ('data.classes=["Kätzchen, klein", 人, große Katze, cat]', ["Kätzchen, klein", "人", "große Katze", "cat"]),
        ("data.classes=[l'été]", ["l'été"]),
        ("data.classes=['人','Ä']", ["人", "Ä"]),
    ],
)
def test_letters_outside_ascii_need_no_quotes(argument: str, classes: list[str]) -> None:
    assert compose([argument]).data.classes == classes


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


NAMES = [
    "2106_[0'6'53-0'7'11]_v94.jpg", "b, c=d.jpg", "[a,b]", "{a: b}", "a b", " a", "a ", "-a.jpg", "a'b\"c", "a\\b",
    "${b}.jpg", "a\\${b}", "1e3", "true", "a=b", "ä,ö.jpg", "a:b", "(a)", "a;b", "$a", "#a", "~a", "a\\", "'", "\\'\\",
]  # fmt: skip


NOT_PATHS = ("[a,b]", "${b}.jpg", "a\\${b}")  # a list and interpolations, unless there is such a file


@pytest.mark.parametrize(
    ("there", "name"),
    [(there, name) for there in (True, False) for name in NAMES if there or name not in NOT_PATHS],
)
def test_a_path_is_taken_as_it_is_typed(name: str, there: bool, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    if there:
        Path(name).touch()
    assert compose([f"data.root={name}"]).data.root == name
    assert compose([f"checkpoint={name}"], "evaluate").checkpoint == name


@given(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12))
@example("\\${a}\\")
@example('a\\"b')
def test_whatever_is_quoted_is_read_back(text: str) -> None:
    assert compose([f"title={quoted(text)}"], "data_show").title == text


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("checkpoint=a.ckpt,b.ckpt", ["checkpoint=a.ckpt,b.ckpt"]),
        ("checkpoint=a[1].ckpt,b[2].ckpt", ['checkpoint="a[1].ckpt","b[2].ckpt"']),
        ("checkpoint=c,d.ckpt", ['checkpoint="c,d.ckpt"']),
        ("checkpoint='x,y'", ["checkpoint='x,y'"]),
    ],
)
def test_a_sweep_over_paths_goes_on_working(argument: str, arguments: list[str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.ckpt", "b.ckpt", "a[1].ckpt", "b[2].ckpt", "c,d.ckpt"):
        Path(name).touch()
    assert as_meant(["-m", argument], "evaluate") == ["-m", *arguments]


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("source=[a.jpg,b.jpg]", "source=[a.jpg,b.jpg]"),
        ("output=null", "output=null"),
        ("checkpoint=${oc.env:HOME}/a.ckpt", "checkpoint=${oc.env:HOME}/a.ckpt"),
        ("output='my pictures'", "output='my pictures'"),
        ("source=a,b.jpg", 'source="a,b.jpg"'),
        ("source=~/a.jpg", f"source={Path.home()}/a.jpg"),
    ],
)
def test_what_has_a_meaning_for_hydra_keeps_it(argument: str, meant: str) -> None:
    assert as_meant([argument], "predict") == [meant]
