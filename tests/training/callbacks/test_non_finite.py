"""The message names the step, the terms and the images."""

from unittest.mock import Mock

import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch import LightningModule, Trainer

from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.tensor_types import Batch
from lightweight_ssd.training.callbacks.non_finite import NonFiniteLoss
from lightweight_ssd.types import Annotation

NOTHING = Annotation.of_boxes(
    1, "/photos/000007.jpg", 4, 4, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, bool)
)
BATCH = Batch(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), torch.zeros(1, 0, 4), torch.zeros(1, 0).long(), [NOTHING], [])
TRAINER = Mock(spec=Trainer, global_step=41, world_size=1)


def _outputs(value: float) -> dict[str, torch.Tensor]:
    return {"loss": torch.tensor(value), "term/localization": torch.tensor(value)}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_stops_and_names_where(value: float) -> None:
    module = Mock(spec=LightningModule, device=torch.device("cpu"))
    said = r"step 41: \{'localization': (nan|inf)\}.*/photos/000007\.jpg.*lower optim\.lr"
    with pytest.raises(ValueError, match=said):
        NonFiniteLoss().on_train_batch_end(TRAINER, module, _outputs(value), BATCH, 0)


def test_a_finite_loss_passes() -> None:
    module = Mock(spec=LightningModule, device=torch.device("cpu"))
    NonFiniteLoss().on_train_batch_end(TRAINER, module, _outputs(3.0), BATCH, 0)


def test_on_a_gpu_the_batch_before_is_checked_and_the_last_at_the_epochs_end() -> None:
    callback, module = NonFiniteLoss(), Mock(spec=LightningModule, device=torch.device("cuda"))
    callback.on_train_batch_end(TRAINER, module, _outputs(float("nan")), BATCH, 0)
    with pytest.raises(ValueError, match="step 41"):
        callback.on_train_epoch_end(TRAINER, module)


def test_no_checkpoint_takes_weights_that_a_waiting_batch_has_spoilt() -> None:
    callback, module = NonFiniteLoss(), Mock(spec=LightningModule, device=torch.device("cuda"))
    callback.on_train_batch_end(TRAINER, module, _outputs(float("nan")), BATCH, 0)
    with pytest.raises(ValueError, match="step 41"):
        callback.on_save_checkpoint(TRAINER, module, {})


def test_it_comes_before_the_callback_that_saves_after_a_batch() -> None:
    names = list(yaml.safe_load((CONF_DIR / "train.yaml").read_text())["callbacks"])
    assert names.index("non_finite") < names.index("interrupt")
