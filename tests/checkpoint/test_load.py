"""From a configuration to a detector and back from its checkpoint."""

from pathlib import Path

import pytest
import torch
from tests.command_line import tiny_checkpoint

from lightweight_ssd.checkpoint.load import load_checkpoint, load_detector, trained_weights


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.ckpt"
    tiny_checkpoint(path)
    return path


def test_a_checkpoint_rebuilds_its_detector(checkpoint: Path) -> None:
    detector, config, class_names = load_detector(checkpoint)
    assert not detector.training and config["detector"] and class_names
    saved = torch.load(checkpoint, weights_only=True)
    state = detector.state_dict()
    assert all(torch.equal(state[name], value) for name, value in trained_weights(saved).items())


def test_the_average_is_preferred() -> None:
    plain, average = torch.zeros(1), torch.ones(1)
    both = {"state_dict": {"detector.x": plain}, "ema_state_dict": {"detector.x": average, "metric.y": plain}}
    assert trained_weights(both) == {"x": average}
    assert trained_weights({"state_dict": {"detector.x": plain}}) == {"x": plain}


def test_a_missing_a_broken_and_a_foreign_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*none\.ckpt; give checkpoint="):
        load_checkpoint(tmp_path / "none.ckpt")
    for content in (b"not a checkpoint", b'{"map": 0.5}', b""):  # PyTorch's advice to load it unsafely is kept back
        (tmp_path / "broken.ckpt").write_bytes(content)
        sentence = r"broken\.ckpt is not a checkpoint, or incomplete; give checkpoint=RUN/checkpoints/best\.ckpt\.$"
        with pytest.raises(ValueError, match=sentence):
            load_checkpoint(tmp_path / "broken.ckpt")
    torch.save({"weights": torch.zeros(1)}, tmp_path / "foreign.ckpt")
    with pytest.raises(ValueError, match=r"foreign\.ckpt holds no configuration"):
        load_checkpoint(tmp_path / "foreign.ckpt")


def test_a_checkpoint_may_not_name_foreign_code(checkpoint: Path) -> None:
    saved = torch.load(checkpoint, weights_only=True)
    saved["hyper_parameters"]["config"]["detector"]["backbone"]["_target_"] = "os.system"
    torch.save(saved, checkpoint)
    with pytest.raises(ValueError, match=r"asks for os\.system.*do not trust"):
        load_detector(checkpoint)
