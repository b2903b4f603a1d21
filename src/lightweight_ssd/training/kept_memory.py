"""Whether a training on a CPU keeps the memory that it frees: it does where there is enough for the holes of a heap."""

from omegaconf import DictConfig

from lightweight_ssd.config.batch_split import given_split
from lightweight_ssd.system.allocator import keep_freed_memory
from lightweight_ssd.system.device import free_memory
from lightweight_ssd.system.disk_space import format_bytes
from lightweight_ssd.training.bare_step import place_of
from lightweight_ssd.training.memory_estimate import can_be_estimated, training_memory
from lightweight_ssd.training.session import is_first_rank

__all__ = ["keep_memory_where_ample"]

_HOLES = 1.6  # of the estimate, with all that is kept; 1.52 measured with 32 images of 300 pixels


def keep_memory_where_ample(cfg: DictConfig) -> bool:
    """Let this process keep freed memory if the training takes less than the free memory even so.

    Args:
        cfg: Of `lssd train`, with numbers for the batch.

    Returns:
        Whether it does; never for a GPU.
    """
    batch = given_split(cfg)
    if batch is None or not can_be_estimated(cfg.trainer):
        return False
    device = place_of(cfg.trainer).device
    free = free_memory(device)
    if device.type != "cpu" or free is None:
        return False
    images = -(-batch.images // cfg.trainer.num_nodes)
    most = int(_HOLES * training_memory(cfg).of(images))
    if most > free or not keep_freed_memory():
        return False
    if batch.passes > 1 and is_first_rank():
        print(f"memory: freed memory is kept for speed, so the process may take up to {format_bytes(most)}", flush=True)
    return True
