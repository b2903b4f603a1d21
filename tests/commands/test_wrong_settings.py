"""A setting that does not exist or does not fit is told in one sentence, before anything is made."""

from pathlib import Path

import pytest
from tests.run_server import Ended, RunServer

TRAIN = ("train", "experiment=smoke", "logger=csv")


@pytest.fixture
def run(server: RunServer, tmp_path: Path):
    """Runs a command in an empty folder and sees that it leaves nothing there."""

    def started(*arguments: str) -> Ended:
        ended = server.run(tmp_path, *arguments, XDG_CACHE_HOME=str(tmp_path.with_name("cache")))
        assert list(tmp_path.iterdir()) == []
        return ended

    return started


def check(ended: Ended, sentence: str) -> None:
    """One line, ours, and no advice of Hydra."""
    assert ended.code == 1, ended.out
    assert ended.err == f"{sentence}\n"
    assert ended.out == ""


NEAREST = [
    ("train", "+nek=fpn", "neck=fpn"),
    ("train", "nek=fpn", "neck=fpn"),
    ("train", "++nek=fpn", "neck=fpn"),
    ("train", "+epochs=1", "trainer.max_epochs=1"),
    ("train", "epochs=1", "trainer.max_epochs=1"),
    ("train", "imgsz=320", "image_size=320"),
    ("train", "+batch=8", "batch_size=8"),
    ("train", "lr0=0.1", "optim.lr=0.1"),
    ("train", "classes=[cat]", "data.classes=[cat]"),
    ("train", "conf=0.1", "detector.postprocess.score_threshold=0.1"),
    ("train", "weights=a.pt", "init_from=a.pt"),
    ("train", "device=0", "trainer"),
    ("train", "model=resnet", "backbone"),
    ("train", "+neck.widht=8", "neck.width=8"),
    ("train", "neck.widht=8", "neck.width=8"),
    ("train", "+trainer.max_epoch=3", "trainer.max_epochs=3"),
    ("train", "+trainer.overfit=3", "trainer.overfit_batches=3"),
    ("train", "+trainer.deterministic=true", "deterministic"),
    ("train", "+latency.thread=1", "latency.threads=1"),
    ("train", "+callbacks.ema.deacy=0.9", "callbacks.ema.decay=0.9"),
    ("train", "+data.num_thread=3", "data.num_threads=3"),
    ("train", "+datamodule.num_worker=1", "datamodule.num_workers=1"),
    ("train", "~sede", "seed"),
    ("predict", "+conf=0.9", "score_threshold=0.9"),
    ("predict", "conf=0.9", "score_threshold=0.9"),
    ("predict", "+iou=0.9", "iou_threshold=0.9"),
    ("predict", "weights=a.ckpt", "checkpoint=a.ckpt"),
    ("evaluate", "+iou=0.9", "postprocess.iou_threshold=0.9"),
    ("evaluate", "+conf=0.9", "postprocess.score_threshold=0.9"),
    ("evaluate", "+postprocess.iou=0.9", "postprocess.iou_threshold=0.9"),
    ("evaluate", "batch=8", "eval_batch_size=8"),
    ("profile", "+imgsz=64", "image_size=64"),
    ("report", "+basline=a", "baseline=a"),
    ("data check", "+workrs=2", "workers=2"),
    ("data show", "+image=2", "images=2"),
    ("data convert", "+too=voc", "to=voc"),
    ("data prepare", "+atempts=2", "attempts=2"),
    ("benchmark step", "+round=2", "rounds=2"),
    ("benchmark latency", "+round=2", "rounds=2"),
]


@pytest.mark.parametrize(("command", "given", "nearest"), NEAREST)
def test_a_key_that_nothing_reads_is_refused_with_the_nearest(run, command: str, given: str, nearest: str) -> None:
    key = given.lstrip("+~").partition("=")[0]
    check(run(*command.split(), given), f"lssd {command}: There is no key {key}: did you mean {nearest}?")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("neck={widht: 8}", "There is no key neck.widht: did you mean neck.width?"),
        ("+neck={widht: 8}", "There is no key neck.widht: did you mean neck.width?"),
        ("+seed=1", "There is a key seed already: give seed=1 without the +."),
        ("neck=fpm", "There is no option 'fpm' of neck: did you mean fpn?"),
        ("fpn", "Expected settings such as key=value but got fpn: did you mean neck=fpn?"),
    ],
)
def test_what_else_cannot_be_given(run, given: str, sentence: str) -> None:
    check(run("train", given), f"lssd train: {sentence}")


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        ("+nek=fpn,pan", "There is no key nek: did you mean neck=fpn,pan?"),
        ("nek=fpn,pan", "There is no key nek: did you mean neck=fpn,pan?"),
        ("seed=0,abc", "Expected seed to be a whole number of at least 0 and at most 4294967295, but got 'abc'."),
        ("neck.circles=1,1.5", "Expected neck.circles to be a whole number, but got 1.5."),
        ("neck=fpn,fpm", "There is no option 'fpm' of neck: did you mean fpn?"),
        ("+trainer.max_epoch=1,2", "There is no key trainer.max_epoch: did you mean trainer.max_epochs=1,2?"),
    ],
)
def test_so_it_is_in_a_sweep_before_its_first_job(run, added: str, sentence: str) -> None:
    check(run(*TRAIN, "-m", added), f"lssd train: {sentence}")


def test_so_it_is_in_a_file_of_the_users(run, tmp_path: Path) -> None:
    own = tmp_path.with_name("own")
    (own / "experiment").mkdir(parents=True)
    file = own / "experiment" / "mine.yaml"
    file.write_text("# @package _global_\ndefaults: [smoke]\nnek: fpn\n")
    asked = ("train", "--config-dir", str(own), "experiment=mine")
    check(run(*asked), "lssd train: There is no key nek: did you mean neck?")
    check(run(*asked, "-m", "seed=0,1"), "lssd train: There is no key nek: did you mean neck?")
    file.write_text("# @package _global_\ndefaults: [smoke]\nmy_width: abc\nneck: {width: '${my_width}'}\n")
    check(run(*asked), "lssd train: Expected my_width to be a whole number, but got 'abc'.")


TYPES = [
    ("train", "trainer.max_epochs=abc", "a whole number or null"),
    ("train", "batch_size=four", "a whole number of at least 1 or auto or null"),
    ("train", "batch_size=0", "a whole number of at least 1 or auto or null"),
    ("train", "neck.circles=1.5", "a whole number"),
    ("train", "seed=abc", "a whole number of at least 0 and at most 4294967295"),
    ("train", "image_size=0", "a number of pixels, or [height, width]"),
    ("train", "image_size=[64]", "a number of pixels, or [height, width]"),
    ("train", "num_workers=-1", "a whole number of at least 0 or null"),
    ("train", "optim.lr=fast", "a number"),
    ("train", "optim.weight_decay=no", "a number"),
    ("train", "deterministic=yes", "true or false or warn"),
    ("train", "compile=1", "true or false"),
    ("train", "callbacks.ema.decay=high", "a number or null"),
    ("train", "callbacks.early_stopping.patience=soon", "a whole number"),
    ("train", "schedule.warmup_steps=x", "a whole number"),
    ("train", "data.num_threads=many", "a whole number"),
    ("train", "pictures=-1", "a whole number of at least 0"),
    ("train", "rerun=yes", "all or null"),
    ("evaluate", "split=train", "one of test, val"),
    ("evaluate", "eval_batch_size=0", "a whole number of at least 1"),
    ("predict", "batch_size=x", "a whole number of at least 1"),
    ("predict", "iou_threshold=2", "a number of at least 0 and at most 1 or null"),
    ("report", "port=x", "a whole number of at least 0 and at most 65535"),
    ("data check", "decode=maybe", "true or false"),
    ("data show", "images=0", "a whole number of at least 1 and at most 400"),
    ("benchmark latency", "rounds=0", "a whole number of at least 1"),
]
_NEEDED = {"predict": ("checkpoint=a.ckpt", "source=a.jpg"), "evaluate": ("checkpoint=a.ckpt",)}


@pytest.mark.parametrize(("command", "given", "kind"), TYPES)
def test_a_value_of_another_type_is_refused(run, command: str, given: str, kind: str) -> None:
    ended, (key, _, value) = run(*command.split(), *_NEEDED.get(command, ()), given), given.partition("=")
    shown = value if value.lstrip("-[").startswith(tuple("0123456789")) else repr(value)
    check(ended, f"lssd {command}: Expected {key} to be {kind}, but got {shown}.")


def test_what_is_needed_is_asked_for_with_an_example(run) -> None:
    said = (
        "Expected checkpoint or model, but neither was given; give checkpoint=RUN/checkpoints/best.ckpt or model=FILE"
    )
    check(run("predict", "source=a.jpg"), f"lssd predict: {said}.onnx.")


@pytest.mark.parametrize(
    "arguments",
    ["--colour", "--cfg", "--cfg jobs", "seed=[", "--config-dir none", "--config-name x", "-m seed=[", "-m seed"],
)
def test_what_is_no_setting_is_one_sentence_too(run, arguments: str) -> None:
    ended = run("train", *arguments.split())
    assert ended.code == 1 and ended.err.startswith("lssd train: ") and ended.err.count("\n") == 1, ended.err
    assert "HYDRA_FULL_ERROR" not in ended.err and "Hydra" not in ended.err


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_needs_no_valid_settings(run, option: str) -> None:
    ended = run("train", "nek=fpn", option)
    assert ended.code == 0 and ended.out.startswith("lssd train: ")


def test_a_gpu_that_is_not_there(run) -> None:
    ended = run(*TRAIN, "trainer=gpu")
    assert ended.code == 1 and ended.err.splitlines()[0] == (
        "lssd train: Expected a GPU for trainer=gpu but PyTorch sees 0; give trainer=auto or trainer=cpu."
    )
    assert "trainer.accelerator=gpu but PyTorch sees 0" in run(*TRAIN, "trainer.accelerator=gpu").err


@pytest.mark.parametrize(("data", "name"), [("voc", "voc"), ("voc_train_val", "voc"), ("coco", "coco")])
def test_data_that_is_not_there(run, data: str, name: str) -> None:
    ended = run("train", f"data={data}", "data.root=my data", "trainer=cpu")
    assert ended.code == 1 and ended.err.splitlines()[0] == (
        f"lssd train: Expected the data set data={data} at data.root=my data, but there is no such folder; give "
        f"data.root=FOLDER, or download it: lssd data prepare {name} root=my data."
    )
