"""Training steps and forward passes on a CPU of two source trees, in turns: python benchmarks/cpu_speed.py OLD NEW.

Each turn is a process of its own that takes some steps and says the median of its process time, which other processes
on the machine disturb less than the wall's. Of each tree its own defaults are taken: the new one keeps freed memory,
uses channels-last order and folds normalization for inference; where a tree lacks these, it does as it did.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

TURNS, STEPS = 3, 3
WORK = """
import json, sys, time
from statistics import median
import torch
torch.set_num_threads(1)
batch, size, steps = (int(each) for each in sys.argv[1:4])
new = sys.argv[4] == "new"
if new:
    from lightweight_ssd.system.allocator import keep_freed_memory
    keep_freed_memory()
    from lightweight_ssd.config.compose import compose
    from lightweight_ssd.config.instantiate import build
    from lightweight_ssd.config.settings import resolved
    from lightweight_ssd.training.task import parameter_groups
    config = resolved(compose(["data=shapes", f"image_size={size}"]))
else:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf
    from lightweight_ssd.paths import CONF_DIR
    from lightweight_ssd.instantiation import build
    from lightweight_ssd.task import parameter_groups
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose("train", ["data=shapes", f"image_size={size}"])
    config = {k: OmegaConf.to_container(cfg[k], resolve=True) for k in ("detector", "criterion", "optim")}
torch.manual_seed(0)
detector, criterion = build(config["detector"], num_classes=20), build(config["criterion"])
order = torch.channels_last if new else torch.contiguous_format
detector = detector.to(memory_format=order).train()
groups = parameter_groups(detector)
[group.pop("lr_factor", None) for group in groups]
optimizer = build(config["optim"])(groups)
optimizer.param_groups[0]["lr"] = 1e-3
images = torch.randint(256, (batch, 3, size, size), dtype=torch.uint8).contiguous(memory_format=order)
boxes = torch.tensor([[20.0, 30.0, 120.0, 150.0], [100.0, 90.0, 280.0, 290.0]]).expand(batch, 2, 4)
labels = torch.tensor([[3, 7]]).expand(batch, 2)
losses = []
def step():
    found = criterion(detector(images), boxes, labels)
    loss = criterion.total(getattr(found, "terms", found))  # older builds return the terms themselves
    loss.backward(); optimizer.step(); optimizer.zero_grad(); losses.append(loss.item())
def seconds(call):
    call(); call()
    found = []
    for _ in range(steps):
        started = time.process_time(); call(); found.append(time.process_time() - started)
    return median(found)
result = {"training step": seconds(step)}
detector.eval()
if new:
    from lightweight_ssd.detector.inference import prepared_for_inference
    detector = prepared_for_inference(detector)
with torch.inference_mode():
    result["forward pass"] = seconds(lambda: detector(images))
print(json.dumps({"seconds": result, "loss": losses[0]}))
"""


def one_turn(tree: Path, batch: int, size: int, kind: str) -> dict[str, float]:
    """CPU seconds of a step and of a forward pass, from a process with the sources of a tree."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"}
    if kind == "new":
        environment["THP_MEM_ALLOC_ENABLE"] = "1"
    command = [sys.executable, "-c", WORK, str(batch), str(size), str(STEPS), kind]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"{kind}: {found}", flush=True)
    return found["seconds"]


def main() -> None:
    """Print the median seconds of both trees, and their ratio."""
    old, new = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    batch, size = (int(each) for each in sys.argv[3:5] or (8, 300))
    turns = [(one_turn(old, batch, size, "old"), one_turn(new, batch, size, "new")) for _ in range(TURNS)]
    for what in turns[0][0]:
        before, after = (median(turn[side][what] for turn in turns) for side in (0, 1))
        ratios = sorted(turn[0][what] / turn[1][what] for turn in turns)
        print(
            f"{what}, batch {batch}, {size} pixels: {before:.3f} s, now {after:.3f} s; {before / after:.2f} times as "
            f"fast (turns {', '.join(f'{ratio:.2f}' for ratio in ratios)})"
        )


if __name__ == "__main__":
    main()
