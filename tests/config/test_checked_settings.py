"""What may be added to a configuration, and what an experiment sets of a part that was replaced."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from lightweight_ssd.config.checked_settings import check_settings, without_other_parts
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.paths import CONF_DIR, options_of
from lightweight_ssd.config.train_settings import TrainSettings

OF_TRAIN = [
    f"{group}={option}"
    for group in ("backbone", "neck", "loss", "classification", "augment", "data", "optim", "trainer", "logger")
    for option in options_of(group)
]


@pytest.mark.parametrize(
    "added",
    [
        "+trainer.overfit_batches=1",
        "+trainer.limit_predict_batches=0.5",
        "+callbacks.mine={_target_: somewhere.Mine, whatever: 1}",
        "+callbacks.status.every=0",
        "+logger.mine={_target_: somewhere.Mine}",
        "+augment.steps.blur={_target_: albumentations.Blur, p: 0.1}",
        "+data.train.fruits=train",
        "+default_epochs.mine=3",
        "+detector.num_classes=3",
        "+optim.dampening=0.1",
        "hydra.job.name=mine",
        "callbacks.early_stopping.patience=.inf",
        "callbacks.early_stopping.patience=inf",
        "trainer.devices=[0,1]",
        "trainer.precision=bf16-mixed",
        "image_size=[320,256]",
        "batch_size=auto",
        "num_workers=null",
        "optim.lr=1",
        "latency=null",
        "coco_metric=false",
        "coco_metric=true",
        "coco_metric=null",
        "coco_metric={_target_: somewhere.Mine}",
        "run_dir=2007",
        "resume=auto",
        "criterion.weights=null",
    ],
)
def test_what_something_reads_passes(added: str) -> None:
    compose([added])


TOGETHER = {  # options that do not fit the default ones of the other groups
    "backbone=peleenet": ["neck=fpn"],
    "backbone=tiny_darknet": ["neck=none"],
    "backbone=vgg16": ["neck=none"],
    "backbone=vgg16_ssd": ["neck=fpn"],
    "neck=tiny_yolov3": ["backbone=tiny_darknet_two_levels"],
    "neck=yolo_nano": ["backbone=yolo_nano"],
    "neck=yolov2": ["backbone=darknet19", "image_size=320"],
    "loss=yolo": ["detector=yolov3"],
    "loss=yolo_squared": ["detector=tiny_yolov2"],
    "classification=softmax": ["detector.head.background=true"],
    "classification=softmax_hard_negative": ["detector.head.background=true"],
    "classification=softmax_objects": ["detector=tiny_yolov2"],
}


@pytest.mark.parametrize("chosen", OF_TRAIN)
def test_every_option_passes(chosen: str) -> None:
    compose([chosen, *TOGETHER.get(chosen, [])])


@pytest.mark.parametrize("scale", [[], ["scale=full"], ["scale=short"], ["scale=smoke"]], ids=str)
@pytest.mark.parametrize("experiment", [*options_of("experiment")])
def test_every_experiment_passes(experiment: str, scale: list[str]) -> None:
    compose([f"experiment={experiment}", *scale])


@pytest.mark.parametrize("command", [path.stem for path in sorted(CONF_DIR.glob("*.yaml"))])
def test_every_command_passes(command: str) -> None:
    compose([], command)


@pytest.mark.parametrize("neck", options_of("neck"))
@pytest.mark.parametrize("experiment", ["smoke", "demo", "overfit"])
def test_an_experiment_does_not_insist_on_its_own_neck(experiment: str, neck: str) -> None:
    others = ["image_size=320", *TOGETHER.get(f"neck={neck}", [])]  # every neck takes 320
    node = compose([f"experiment={experiment}", f"neck={neck}", *others]).neck
    assert set(node) == set(compose([f"neck={neck}", *others]).neck)


def test_what_is_left_out_is_said_and_what_is_typed_is_refused() -> None:
    cfg = OmegaConf.create({"neck": {"_target_": "lightweight_ssd.neck.none.NoNeck", "width": 16}})
    assert without_other_parts(cfg, ["neck.width=8"]) == [] and cfg.neck.width == 16
    (sentence,) = without_other_parts(cfg)
    assert sentence == "NoNeck has no width: what the experiment sets there is left out." and "width" not in cfg.neck
    with pytest.raises(ValueError, match=r"^There is no key neck\.width"):
        compose(["experiment=smoke", "neck=none", "neck.width=8"])


def test_a_backbone_without_batch_normalization_takes_every_scale() -> None:
    """`scale=smoke` sets the momentum of the running statistics; here `NoNeck` stands for a backbone that has none."""
    other = {"backbone": {"_target_": "lightweight_ssd.neck.none.NoNeck"}}
    cfg: Any = OmegaConf.merge(compose(["scale=smoke"]), other)
    (sentence,) = without_other_parts(cfg)
    assert sentence.startswith("NoNeck has no ") and "norm_momentum" in sentence
    assert set(cfg.backbone) == {"_target_"}


def test_a_key_that_another_refers_to_is_read() -> None:
    cfg = OmegaConf.merge({"my_width": 64}, compose(), {"neck": {"width": "${my_width}"}})
    check_settings(cfg, "train")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"^There is no key my_width"):
        check_settings(OmegaConf.merge(cfg, {"neck": {"width": 64}}), "train")  # pyright: ignore[reportArgumentType]


def test_every_setting_of_train_has_its_type() -> None:
    content = yaml.safe_load(Path(CONF_DIR / "train.yaml").read_text())
    own = {key for key, value in content.items() if not (isinstance(value, dict) and "_target_" in value)}
    assert own - {"defaults", "hydra", "callbacks"} == set(TrainSettings.__annotations__)
