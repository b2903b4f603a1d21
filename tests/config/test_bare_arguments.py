"""Arguments without a key get the one that is meant."""

from pathlib import Path

import pytest

from lightweight_ssd.config.bare_arguments import data_key, with_keys


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b, c=d.jpg", "-x.jpg", "source=here.jpg", "+a.jpg", "~b.jpg"):
        Path(name).touch()
    Path("mine").mkdir()


def key_of(argument: str) -> str:
    return "checkpoint" if argument.endswith(".ckpt") else "source"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ([], []),
        (["a.jpg"], ['source="a.jpg"']),
        (["a.jpg", "best.ckpt"], ['source="a.jpg"', 'checkpoint="best.ckpt"']),
        (["a.jpg", "b, c=d.jpg", "output=x"], ["output=x", 'source=["a.jpg","b, c=d.jpg"]']),
        (["-x.jpg"], ['source="-x.jpg"']),
        (["+a.jpg"], ['source="+a.jpg"']),
        (["~b.jpg"], ['source="~b.jpg"']),
        (["~output"], ["~output"]),
        (["-m", "photos/*.jpg"], ["-m", 'source="photos/*.jpg"']),
        (["--cfg", "job", "a.jpg"], ["--cfg", "job", 'source="a.jpg"']),
        (["-", "best.ckpt"], ['source="-"', 'checkpoint="best.ckpt"']),
        (["https://host/a.jpg?b=c,d"], ['source="https://host/a.jpg?b=c,d"']),
        (["--", "source=here.jpg", "-m"], ['source=["source=here.jpg","-m"]']),
        (["source=here.jpg"], ["source=here.jpg"]),
        (["no, such=file.jpg"], ["no, such=file.jpg"]),
        (["2106_[0'6'53-0'7'11]_v94.jpg"], ["source=\"2106_[0'6'53-0'7'11]_v94.jpg\""]),
    ],
)
def test_a_bare_argument_gets_its_key(typed: list[str], read: list[str]) -> None:
    assert with_keys(typed, "predict", key_of, "source") == read


def test_one_checkpoint_is_enough() -> None:
    with pytest.raises(ValueError, match=r"^Expected one checkpoint but got a\.ckpt and b\.ckpt; give checkpoint=a\.c"):
        with_keys(["a.ckpt", "b.ckpt"], "predict", key_of, "source")


@pytest.mark.parametrize(("typed", "key"), [("voc", "data"), ("coco", "data"), ("mine", "data.root"), ("vco", "data")])
def test_data_is_a_name_or_a_folder(typed: str, key: str) -> None:
    assert data_key(typed) == key
