"""Keeps the console for what a user can act on."""

import logging
import warnings

__all__ = ["quiet_frameworks"]


def quiet_frameworks() -> None:
    """Silences what Lightning and timm say of things that are as they should be."""
    for name in ("lightning.pytorch", "lightning.fabric", "timm.models._helpers"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*LeafSpec.*",  # Lightning against the newest torch
        ".*exists and is not empty.*",  # a resumed run's folder
        ".*your dataloader is not resumable.*",  # ours is: the sampler starts at the batch where training stopped
        ".*smaller than the logging interval.*",
        ".*does not have many workers.*",
        ".*GPU available but not used.*",
        ".*using `DistributedSampler` with the dataloaders.*",  # images that are shown twice count once
    ):
        warnings.filterwarnings("ignore", message=message)
