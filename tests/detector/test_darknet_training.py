"""A YOLO through the real command, from Darknet's weights to detections."""

import json
from pathlib import Path

import pytest
from tests.darknet_network import NETWORKS, write

import lightweight_ssd as lssd

COMMON = [
    *("data=shapes_tiny", "augment=none", "optim=adamw", "trainer=cpu", "logger=csv", "image_size=64", "batch_size=4"),
    *(
        "eval_batch_size=4",
        "num_workers=0",
        "pictures=2",
        "latency=null",
        "trainer.max_steps=3",
        "trainer.max_epochs=-1",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "extra"),
    [("yolov2", ["neck.passthrough=darknet", "neck.width=0.125"]), ("tiny_yolov3", ["neck.width=0.125"])],
)
def test_trains_from_darknets_weights_and_predicts(
    name: str, extra: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path / "yolo.weights", NETWORKS[name], 80, 0.125)
    run = lssd.train([f"detector={name}", "backbone.width=0.125", *extra, f"init_from={file}", *COMMON])
    report = json.loads((run.run_dir / "init_from.json").read_text())
    assert "for 80 classes" in report["darknet"] and report["not_in_file"] == []
    model = lssd.load(run.checkpoint)
    images = sorted((tmp_path / "data").rglob("*.jpg"))
    assert len(model.predict(images[0], score_threshold=0.0).boxes) > 0
