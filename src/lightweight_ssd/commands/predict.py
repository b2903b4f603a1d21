"""`lssd predict`: a checkpoint's detections on images, drawn and as JSON."""

import sys
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig

from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.arguments import call
from lightweight_ssd.config.paths import CONF_DIR

if TYPE_CHECKING:  # torch and albumentations take seconds to import, which `--help` should not
    from lightweight_ssd.prediction.predict import Predictions

__all__ = ["main", "summary"]


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="predict")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd predict`; ends with code 1 if an image could not be read."""
    with one_sentence_errors("lssd predict"):
        from lightweight_ssd.prediction.predict import predict

        done = call(predict, cfg)
        print(summary(done, cfg.score_threshold))
        if done.skipped:
            count = f"{len(done.skipped)} of {len(done.skipped) + len(done.found)} images"
            print(f"lssd predict: skipped {count}, named above.", file=sys.stderr)
            raise SystemExit(1)


def summary(done: "Predictions", score_threshold: float) -> str:
    """What the terminal shows of `predict`."""
    total, count = len(done.found) + len(done.skipped), sum(map(len, done.found))
    return (
        f"{len(done.found)} of {total} images, {count} detections above score {score_threshold:g}\n"
        f"pictures:    {done.output}\ndetections:  {done.file}"
    )
