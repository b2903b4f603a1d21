"""What stops the run at a batch is tested by real processes in test_train; here, a checkpoint that cannot be placed."""

from pathlib import Path
from unittest.mock import Mock

import pytest
from lightning.pytorch import LightningModule, Trainer

from lightweight_ssd.system.atomic_write import NotWritten
from lightweight_ssd.training.callbacks.interrupt import Interrupt


def test_a_checkpoint_that_cannot_be_put_in_place_is_said_in_a_sentence(tmp_path: Path) -> None:
    callback = Interrupt(str(tmp_path / "last.ckpt"))
    (tmp_path / "last.ckpt").mkdir()
    callback.waiting.write_bytes(b"whole")
    callback.is_waiting = True
    with pytest.raises(NotWritten, match=r"Expected to rename .*last\.ckpt\.waiting to last\.ckpt, but got 'Is a "):
        callback.on_validation_start(Mock(spec=Trainer, is_global_zero=True, loggers=[]), Mock(spec=LightningModule))
