"""The average against the formula, and the weights untouched by it."""

from unittest.mock import Mock

import pytest
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from lightweight_ssd.checkpoint.load import EMA_KEY
from lightweight_ssd.training.callbacks.ema import EMA

TRAINER = Mock(spec=Trainer)


class Module(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)


def _step(ema: EMA, module: Module, step: int, value: float) -> None:
    nn.init.constant_(module.norm.weight, value)
    module.norm.num_batches_tracked += 1
    ema.on_train_batch_end(Mock(spec=Trainer, global_step=step), module, None, None, 0)


def test_average_follows_the_formula() -> None:
    ema, module = EMA(decay=0.9, warmup=False), Module()
    ema.on_fit_start(TRAINER, module)
    expected = 1.0
    for step, value in enumerate((2.0, 5.0, -1.0), 1):
        _step(ema, module, step, value)
        expected = 0.9 * expected + 0.1 * value
    assert ema.average["norm.weight"].tolist() == pytest.approx([expected] * 2)
    assert ema.average["norm.num_batches_tracked"].item() == 3


def test_accumulated_batches_are_not_steps() -> None:
    ema, module = EMA(decay=0.5, warmup=False), Module()
    ema.on_fit_start(TRAINER, module)
    for step in (0, 0, 1, 1):
        _step(ema, module, step, 3.0)
    assert ema.average["norm.weight"].tolist() == [2.0, 2.0]


def test_validation_runs_on_the_average_and_gives_the_weights_back() -> None:
    ema, module = EMA(decay=0.5, warmup=False), Module()
    ema.on_fit_start(TRAINER, module)
    _step(ema, module, 1, 3.0)
    ema.on_validation_start(TRAINER, module)
    assert module.norm.weight.tolist() == [2.0, 2.0]
    saved = {"state_dict": {name: value.clone() for name, value in module.state_dict().items()}}
    ema.on_save_checkpoint(TRAINER, module, saved)
    assert saved["state_dict"]["norm.weight"].tolist() == [3.0, 3.0]  # the weights, not the average
    assert saved[EMA_KEY]["norm.weight"].tolist() == [2.0, 2.0]
    ema.on_validation_end(TRAINER, module)
    assert module.norm.weight.tolist() == [3.0, 3.0]


def test_a_failed_validation_gives_the_weights_back() -> None:
    ema, module = EMA(decay=0.5, warmup=False), Module()
    ema.on_fit_start(TRAINER, module)
    _step(ema, module, 1, 3.0)
    ema.on_validation_start(TRAINER, module)
    ema.on_exception(TRAINER, module, KeyboardInterrupt())
    assert module.norm.weight.tolist() == [3.0, 3.0]


def test_decay_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"ema\.decay"):
        EMA(decay=1.0)
