from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from msgspec import Meta
from omegaconf import OmegaConf

from lightweight_ssd.config.arguments import Count, Seconds, Share, call, checked


@checked
def example(
    checkpoint: Annotated[Path, Meta(examples=["RUN/checkpoints/best.ckpt"])],
    split: Literal["val", "test"] = "test",
    images: Count = 16,
    seed: Annotated[int, Meta(ge=0, le=9)] = 0,
    threshold: Share | None = None,
    timeout: Seconds = 30,
    names: list[str] | None = None,
    output: str | Path | None = None,
    decode: bool = False,
    array: Any = None,
    folders: str | Path | Sequence[str | Path] = (),
    files: list[Path] | None = None,
) -> tuple[Any, ...]:
    return checkpoint, split, images, seed, threshold, timeout, names, output, decode, array, folders, files


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"split": "train"}, "Expected split to be one of test, val, but got 'train'."),
        ({"images": 0}, "Expected images to be a whole number of at least 1, but got 0."),
        ({"images": "four"}, "Expected images to be a whole number of at least 1, but got 'four'."),
        ({"images": 1.5}, "Expected images to be a whole number of at least 1, but got 1.5."),
        ({"images": True}, "Expected images to be a whole number of at least 1, but got True."),
        ({"seed": 10}, "Expected seed to be a whole number of at least 0 and at most 9, but got 10."),
        ({"threshold": 1}, "Expected threshold to be a number of at least 0 and below 1 or null, but got 1."),
        ({"timeout": 0}, "Expected timeout to be seconds above 0, but got 0."),
        ({"names": ["a", 2]}, "Expected names to be a list, each text or null, but got ['a', 2]."),
        ({"decode": "yes"}, "Expected decode to be true or false, but got 'yes'."),
        ({"folders": True}, "Expected folders to be a file or folder or a list of them, but got True."),
        ({"files": [True]}, "Expected files to be a list, each a file or folder or null, but got [True]."),
        ({"output": True}, "Expected output to be a file or folder or null, but got True."),
        ({"checkpoint": None}, "Expected checkpoint, but none was given; give checkpoint=RUN/checkpoints/best.ckpt."),
        ({"tresholt": 0.5}, "There is no setting tresholt: did you mean threshold?"),
    ],
)
def test_what_does_not_fit_is_one_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as error:  # the whole sentence is compared
        example(**{"checkpoint": "best.ckpt", **given})
    assert str(error.value) == sentence


def test_what_is_missing_is_named_with_an_example() -> None:
    with pytest.raises(ValueError, match=r"^Expected checkpoint, but none was given; give checkpoint=RUN/"):
        example()


def test_paths_come_as_text_as_paths_and_as_the_number_that_hydra_makes_of_a_folder() -> None:
    for given in ("2007", Path("2007"), 2007):
        assert example(given)[0] == Path("2007")
    assert example("a", output="b")[7] == "b" and example("a")[7] is None


def test_paths_in_a_list_come_as_text_or_as_paths() -> None:
    assert example("a", folders=["x", Path("y"), 2007], files=("x", Path("y")))[10:] == (
        ["x", "y", "2007"],
        [Path("x"), Path("y")],
    )
    assert example("a", folders=Path("x"))[10] == "x" and example("a")[10:] == ((), None)


def test_whole_numbers_pass_as_numbers_and_other_types_are_left_alone() -> None:
    image = np.zeros((2, 2))
    assert example("a", threshold=0, timeout=5)[4:6] == (0.0, 5.0)
    assert example("a", array=image)[9] is image


def test_a_configuration_calls_it_and_unset_keys_count_as_not_given() -> None:
    cfg = OmegaConf.create({"checkpoint": "a", "images": "${seed}", "seed": 3})
    assert call(example, cfg)[2:4] == (3, 3)
    with pytest.raises(ValueError, match="Expected checkpoint, but none was given"):
        call(example, OmegaConf.create({"checkpoint": "???"}))
