"""What the files of a run and of a sweep are called: all that writes or reads them takes the names from here."""

from pathlib import Path

__all__ = [
    "BEST_CHECKPOINT",
    "CONFIG_FILE",
    "CURVES_FILE",
    "DETECTIONS_FILE",
    "ENVIRONMENT_FILE",
    "ERROR_LOG",
    "GRAY_DETECTIONS_FILE",
    "GROUND_TRUTH_FILE",
    "IDENTITY_FILE",
    "LAST_CHECKPOINT",
    "LOCK_FILE",
    "METRICS_FILE",
    "OVERRIDES_FILE",
    "PICTURES",
    "RESULTS_FILE",
    "SPLIT_FILE",
    "STATUS_FILE",
    "SWEEPS",
    "SWEEP_FILE",
    "TIMES_FILE",
    "TRAIN_LOG",
    "WEIGHTS_FILE",
]

# What was asked for, and with what it was computed; written before the first step.
CONFIG_FILE = "config.yaml"
OVERRIDES_FILE = "overrides.yaml"
ENVIRONMENT_FILE = "environment.json"
IDENTITY_FILE = "identity.json"
SPLIT_FILE = "split.json"  # where images were divided: which is in which split
WEIGHTS_FILE = "weights.json"  # what the backbone started from, if not from random weights

# How far the run is.
STATUS_FILE = "status.json"
LOCK_FILE = ".lock"  # while a process works on the run: which one
METRICS_FILE = "metrics.csv"
TIMES_FILE = "times.csv"
TRAIN_LOG = "train.log"  # all that a job of a sweep printed
ERROR_LOG = "lssd-error.log"  # the traceback behind the sentence that a command ended with
BEST_CHECKPOINT = Path("checkpoints") / "best.ckpt"
LAST_CHECKPOINT = Path("checkpoints") / "last.ckpt"

# What was measured.
RESULTS_FILE = "results.json"
DETECTIONS_FILE = "detections.json"
GRAY_DETECTIONS_FILE = "detections_gray.json"
GROUND_TRUTH_FILE = "ground_truth.json"
PICTURES = "pictures"  # folder
CURVES_FILE = Path(PICTURES) / "curves.png"  # grows while the run trains

# Of a sweep: its folder lies in this one, below the folder of runs.
SWEEPS = "sweeps"
SWEEP_FILE = "sweep.json"
