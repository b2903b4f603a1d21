"""Every option of every group: one step from the file to its code, and it composes and instantiates."""

import inspect
import re
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import OmegaConf

from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.config.backbone_levels import levels_of_backbone
from lightweight_ssd.config.compatible_parts import check_parts
from lightweight_ssd.config.help_text import help_text
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.learning_rate import know_rates
from lightweight_ssd.config.paths import CONF_DIR

GROUPS = (
    "backbone",
    "neck",
    "detector",
    "classification",
    "loss",
    "criterion",
    "augment",
    "data",
    "optim",
    "trainer",
    "logger",
    "download",
    "format",
)
THIRD_PARTY = ("optim", "trainer", "logger")
RECIPES = ("augment", "logger", "detector", "download", "format")  # recipes of parts, not named by a module
PACKAGES = {"format": "export"}  # where it is another one than the group
OPTIONS = [(group, path.stem) for group in GROUPS for path in sorted((CONF_DIR / group).glob("*.yaml"))]
EXPERIMENTS = [path.stem for path in sorted((CONF_DIR / "experiment").glob("*.yaml"))]


def _compose(*overrides: str) -> Any:
    know_rates()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("train", ["run_dir=/nowhere", "experiment_name=test", *overrides])


def _choose(group: str, name: str) -> str:
    """As an override of `lssd train`, which does not have every group."""
    return f"{'+' if group in ('download', 'format') else ''}{group}={name}"


def test_groups_are_known() -> None:
    folders = {path.name for path in CONF_DIR.iterdir() if path.is_dir()}
    assert folders == {*GROUPS, "experiment", "row", "scale", "hydra"}


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_first_line_leads_to_the_code(group: str, name: str) -> None:
    lines = (CONF_DIR / group / f"{name}.yaml").read_text().splitlines()
    if group == "logger":  # a dictionary keyed by name, so that loggers can be combined and overridden one by one
        assert lines[0].startswith("# ")
        return
    assert lines[1].startswith("# "), "the second line says what it is"
    if lines[0] == "# @package _global_" and group == "detector":  # it chooses other parts, too
        target = yaml.safe_load("\n".join(lines))["detector"]["_target_"]
    else:
        assert lines[0].startswith("_target_: "), "the first line names the class"
        target = lines[0].removeprefix("_target_: ")
    get_object(target)
    if group not in THIRD_PARTY:
        assert target.startswith(f"lightweight_ssd.{PACKAGES.get(group, group)}.")
        if group not in RECIPES:
            assert name.startswith(target.split(".")[-2]), "the option starts with its module's name"


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_every_key_is_a_parameter_of_its_target(group: str, name: str) -> None:
    node = OmegaConf.to_container(_compose(_choose(group, name))[group], resolve=False)
    _check_keys(node, f"{group}={name}")


def test_every_key_of_the_wiring_is_a_parameter() -> None:
    _check_keys(OmegaConf.to_container(_compose(), resolve=False), "train")


def _check_keys(node: Any, where: str) -> None:
    if isinstance(node, list):
        for child in node:
            _check_keys(child, where)
    if not isinstance(node, dict):
        return
    if "_target_" in node:
        parameters = inspect.signature(get_object(node["_target_"])).parameters.values()
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            unknown = {key for key in node if not key.startswith("_")} - {parameter.name for parameter in parameters}
            assert not unknown, f"{where}: {node['_target_']} has no parameters {unknown}"
    for key, child in node.items():
        _check_keys(child, f"{where}.{key}")


@pytest.mark.parametrize(("group", "name"), [option for option in OPTIONS if option[0] not in ("backbone", "neck")])
def test_every_option_instantiates(group: str, name: str, tmp_path: Path) -> None:
    extra = ["trainer.accelerator=cpu"] if group == "trainer" and name in ("gpu", "ddp") else []
    extra += ["detector=thundernet"] if (group, name) == ("criterion", "two_stage") else []
    config = _compose(_choose(group, name), f"run_dir={tmp_path}", *extra)
    if group == "detector":
        build_detector(OmegaConf.to_container(config, resolve=True), ["a"])  # pyright: ignore[reportArgumentType]
    else:
        build(config[group])


# Their last levels are not halves of each other, as these necks need.
REFUSED_PAIRS = {(backbone, neck) for backbone in ("vgg16_ssd", "peleenet") for neck in ("cfpn", "pan", "bifpn")}
NEEDS: dict[str, str] = dict.fromkeys(("cfpn", "pan", "bifpn"), "two or more levels")  # what a neck needs of a backbone
NEEDS |= {"yolov2": "two levels", "tiny_yolov3": "two levels", "yolo_nano": "three levels"}
NUMBERS = {"two or more levels": range(2, 99), "two levels": [2], "three levels": [3]}


@cache
def _part(group: str, name: str) -> dict[str, Any]:
    config: Any = OmegaConf.to_container(_compose(f"{group}={name}")[group], resolve=True)
    return config


@cache
def _backbone(name: str) -> Any:
    with torch.device("meta"):
        return build(_part("backbone", name)).eval()


@pytest.mark.slow
@pytest.mark.parametrize("neck", [path.stem for path in sorted((CONF_DIR / "neck").glob("*.yaml"))])
@pytest.mark.parametrize("backbone", [path.stem for path in sorted((CONF_DIR / "backbone").glob("*.yaml"))])
@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
def test_every_backbone_meets_every_neck(backbone: str, neck: str) -> None:
    config = {"detector": {"backbone": _part("backbone", backbone), "neck": _part("neck", neck)}}
    body = _backbone(backbone)
    levels = len(body.out_channels)
    assert levels_of_backbone(config) == levels
    refused = (backbone, neck) in REFUSED_PAIRS or levels not in NUMBERS.get(NEEDS.get(neck, ""), range(99))
    with pytest.raises(ValueError, match=r"^Expected .* but got") if refused else nullcontext():
        check_parts(config)
    if (backbone, neck) in REFUSED_PAIRS:
        return
    with torch.device("meta"), torch.no_grad():
        if levels in NUMBERS.get(NEEDS.get(neck, ""), range(99)):
            built = build(_part("neck", neck))(in_channels=body.out_channels).eval()
            maps = built(body(torch.empty(1, 3, 320, 320)))
            assert [level.shape[1] for level in maps] == list(built.out_channels)
        else:
            with pytest.raises(ValueError, match=f"{NEEDS[neck]} for .* but got {levels}; "):
                build(_part("neck", neck))(in_channels=body.out_channels)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_composes_and_opens_with_its_card(name: str) -> None:
    OmegaConf.to_container(_compose(f"experiment={name}"), resolve=True)
    text = (CONF_DIR / "experiment" / f"{name}.yaml").read_text()
    assert text.startswith("# @package _global_\n# ")
    for word in ("# Question:", "# Command:", "# Expected:"):
        assert word in text, f"the card of {name} lacks {word}"


@pytest.mark.parametrize("data", ["voc", "coco", "shapes"])
@pytest.mark.parametrize("chosen", ["scale=smoke", "experiment=smoke", "experiment=demo"])
def test_what_brings_data_of_its_own_leaves_nothing_on_other_data(chosen: str, data: str) -> None:
    assert _compose(chosen, f"data={data}").data == _compose(f"data={data}").data


@pytest.mark.parametrize("path", sorted(CONF_DIR.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_command_has_help(path: Path) -> None:
    assert {"override hydra/help": path.stem} in yaml.safe_load(path.read_text())["defaults"]
    assert "Example:" in (CONF_DIR / "hydra" / "help" / path.name).read_text()


FOR_DETECTORS = ("classification", "loss", "criterion", "optim")  # null where a detector may override them


def _groups(command: str) -> list[str]:
    """Config groups that a command composes, those of the configuration that it extends among them."""
    entries = yaml.safe_load((CONF_DIR / f"{command}.yaml").read_text())["defaults"]
    inherited = [entry for entry in entries if isinstance(entry, str) and entry != "_self_"]
    chosen = [item for entry in entries if isinstance(entry, dict) for item in entry.items()]
    own = [key for key, option in chosen if not key.startswith("override ") and (option or key not in FOR_DETECTORS)]
    return [*own, *(group for command in inherited for group in _groups(command))]


# Left to `lssd config`: those with one option, of tables, and of `lssd train` where only its parts are measured.
UNLISTED = {"detector", "criterion", "row", "download", "experiment", "scale", "logger"}
UNLISTED_OF_TRAIN = {"criterion", "row"}
LISTED = [
    (command, group)
    for command in sorted(path.stem for path in CONF_DIR.glob("*.yaml"))
    for group in _groups(command)
    if "@" not in group and group not in (UNLISTED_OF_TRAIN if command == "train" else UNLISTED)
]


@pytest.mark.parametrize(("command", "group"), LISTED)
def test_help_lists_every_option_of_a_group(command: str, group: str) -> None:
    listed = re.search(rf"\b{group}=([a-z0-9_|\s]+)", help_text(command))
    assert listed is not None, f"{command} --help lacks {group}="
    options = sorted(path.stem for path in (CONF_DIR / group).glob("*.yaml"))
    assert sorted(re.sub(r"\|\s+", "|", listed[1]).split()[0].split("|")) == options


@pytest.mark.parametrize("command", [path.stem for path in sorted((CONF_DIR / "hydra" / "help").glob("*.yaml"))])
def test_help_fits_a_terminal_and_leaves_nothing_open(command: str) -> None:
    text = help_text(command)
    assert "${" not in text and max(map(len, text.splitlines())) <= 120


FIRST_RUN = ("trainer.max_steps", "trainer.max_epochs", "runs", "data.root", "datamodule.first_images")


@pytest.mark.parametrize("key", FIRST_RUN)
def test_help_of_train_names_what_a_first_run_needs(key: str) -> None:
    assert f" {key}=" in help_text("train")
    _compose(f"{key}=1")
