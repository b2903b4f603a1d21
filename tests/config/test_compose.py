"""A configuration composed from Python: what the command would run with, and one sentence where there is none."""

import copy

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.version import VersionBase
from omegaconf import OmegaConf

from lightweight_ssd.config.compose import choices_of, compose, overrides_of


def test_it_composes_what_the_command_would_run_with() -> None:
    cfg = compose(["neck=fpn", "neck.width=64"])
    assert (cfg.neck._target_, cfg.neck.width) == ("lightweight_ssd.neck.fpn.FPN", 64)
    assert "hydra" not in cfg and compose(config="profile").repeats == 50


def test_it_knows_what_was_chosen_and_so_do_copies() -> None:
    cfg = compose(["neck=fpn", "seed=1"])
    for each in (cfg, copy.deepcopy(cfg), OmegaConf.merge(cfg, {"seed": 2})):
        assert choices_of(each)["neck"] == "fpn" and choices_of(each)["backbone"] == "mblitenet"  # pyright: ignore[reportArgumentType]
        assert overrides_of(each) == ["neck=fpn", "seed=1"]  # pyright: ignore[reportArgumentType]
    assert not [group for group in choices_of(cfg) if group.startswith("hydra/")]
    assert (choices_of(OmegaConf.create({})), overrides_of(OmegaConf.create({}))) == ({}, [])


def test_a_running_application_keeps_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    running, application, version = GlobalHydra.instance(), object(), VersionBase.instance().version_base
    monkeypatch.setattr(running, "hydra", application)
    compose(["seed=1"])
    with pytest.raises(ValueError, match="nck"):
        compose(["nck=fpn"])
    assert GlobalHydra.instance() is running and running.hydra is application
    assert VersionBase.instance().version_base is version


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("nck=fpn", "There is no key nck: did you mean neck=fpn?"),
        ("neck=fpm", "There is no option 'fpm' of neck: did you mean fpn?"),
        ("experiment=smok", "There is no option 'smok' of experiment: did you mean smoke?"),
        ("neck.widht=8", "There is no key neck.widht: did you mean neck.width=8?"),
        ("callbacks.best.montor=a", "There is no key callbacks.best.montor: did you mean callbacks.best.monitor=a?"),
        ("scale=x", "There is no option 'x' of scale: give one of full, shapes, short, smoke."),
        ("+nck=fpn", "There is no key nck: did you mean neck=fpn?"),
        ("seed=abc", "Expected seed to be a whole number of at least 0 and at most 4294967295, but got 'abc'."),
        ("~sede", "There is no key sede: did you mean seed?"),
        ("seed=[", "Expected settings such as key=value but got seed=[: no viable alternative at input '['"),
        ("treshold=0.2", "There is no key treshold: did you mean detector.postprocess.score_threshold=0.2?"),
        (
            "data.classes=[人",
            "Expected quotes around text with letters outside ASCII but got data.classes=[人; write it "
            """as in 'data.classes=["Kätzchen, klein", "人"]'.""",
        ),
    ],
)
def test_what_there_is_not_is_one_sentence_with_the_nearest(override: str, sentence: str) -> None:
    with pytest.raises(ValueError) as error:  # the whole sentence is compared
        compose([override])
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("config", "overrides", "sentence"),
    [
        ("predict", ["treshold=0.2"], "There is no key treshold: did you mean score_threshold=0.2?"),
        ("predict", ["iou_treshold=0.2"], "There is no key iou_treshold: did you mean iou_threshold=0.2?"),
        ("train", ["data=folder", "val_share=0.1"], "There is no key val_share: did you mean data.split?"),
        ("train", ["data=voc", "val_share=0.1"], "There is no key val_share: did you mean data.val_share=0.1?"),
        (
            "evaluate",
            ["checkpoint=a", "root=mine"],
            "There is no key data.root as long as data is not chosen: add data=folder, or another option of data.",
        ),
    ],
)
def test_the_key_that_is_meant_exists_in_this_configuration(config: str, overrides: list[str], sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        compose(overrides, config)
    assert str(error.value) == sentence


def test_an_unknown_command_and_a_text_for_a_list_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no configuration 'trian': did you mean train\?"):
        compose(config="trian")
    with pytest.raises(ValueError, match=r'Expected a list of overrides .* give \["seed=1"\]'):
        compose("seed=1")
