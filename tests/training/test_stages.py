"""What a run refuses before it builds anything; its acts are tested in test_train, through the command."""

from pathlib import Path

import pytest
from tests.running import smoke_config

from lightweight_ssd.config.settings import resolved
from lightweight_ssd.training.stages import prepare


@pytest.mark.parametrize("name", ["best", "early_stopping"])
def test_a_figure_of_coco_cannot_be_watched_without_it(tmp_path: Path, name: str) -> None:
    cfg = smoke_config(tmp_path, "coco_metric=null", f"callbacks.{name}.monitor=val/coco_ap")
    said = rf"Expected coco_metric for callbacks\.{name}\.monitor=val/coco_ap, but it is null: leave it on, or set"
    with pytest.raises(ValueError, match=said):
        prepare(resolved(cfg))
    assert not list(tmp_path.iterdir())


def test_the_parts_of_a_run_need_its_length(tmp_path: Path) -> None:
    """`train` settles one; this is for who calls the stages alone."""
    with pytest.raises(ValueError, match=r"Expected a length of the run; give trainer\.max_epochs=N"):
        prepare(resolved(smoke_config(tmp_path, "trainer.max_epochs=null")))
