"""The key that was meant by one that does not exist."""

import difflib
from collections.abc import Collection, Iterable, Mapping

__all__ = ["advice", "no_such_key"]

# What other detection frameworks call it, and the keys here; the first that the command has is suggested.
_SYNONYMS = {
    "threshold": ("score_threshold", "postprocess.score_threshold", "detector.postprocess.score_threshold"),
    "conf": ("score_threshold", "postprocess.score_threshold", "detector.postprocess.score_threshold"),
    "iou": ("iou_threshold", "postprocess.iou_threshold", "detector.postprocess.iou_threshold"),
    "max_det": ("max_detections", "postprocess.max_detections", "detector.postprocess.max_detections"),
    "match_threshold": ("criterion.matcher.threshold",),
    "variances": ("detector.coder.variances",),
    "epochs": ("trainer.max_epochs",),
    "steps": ("trainer.max_steps",),
    "imgsz": ("image_size",),
    "img_size": ("image_size",),
    "input_size": ("image_size",),
    "batch": ("batch_size", "eval_batch_size"),
    "batch_size": ("eval_batch_size",),
    "lr": ("optim.lr",),
    "lr0": ("optim.lr",),
    "learning_rate": ("optim.lr",),
    "optimizer": ("optim",),
    "device": ("trainer",),
    "devices": ("trainer.devices",),
    "gpus": ("trainer.devices",),
    "accelerator": ("trainer.accelerator", "device"),
    "precision": ("trainer.precision",),
    "amp": ("trainer.precision",),
    "half": ("trainer.precision",),
    "model": ("checkpoint", "backbone"),
    "weights": ("checkpoint", "init_from"),
    "ckpt": ("checkpoint", "init_from"),
    "ckpt_path": ("checkpoint", "resume"),
    "pretrained": ("backbone.weights", "init_from"),
    "workers": ("num_workers", "workers"),
    "fraction": ("datamodule.first_images",),
    "first_images": ("datamodule.first_images",),
    "patience": ("callbacks.early_stopping.patience",),
    "ema": ("callbacks.ema.decay",),
    "project": ("runs", "output"),
    "name": ("experiment_name", "output"),
    "save_dir": ("run_dir", "output"),
    "out": ("output",),
    "output": ("run_dir",),
    "dataset": ("data",),
    "root": ("data.root",),
    "val_share": ("data.val_share", "data.split"),
    "classes": ("data.classes",),
    "vid_stride": ("stride",),
    "frames": ("max_frames",),
    "duration": ("max_seconds",),
    "save_txt": ("save",),
    "save_crop": ("save",),
    "save_json": ("save",),
    "save_conf": ("yolo_scores",),
    "video": ("source",),
    "names": ("data.class_names",),
    "img": ("source",),
    "image": ("source",),
    "input": ("source",),
    "path": ("source", "data.root"),
    "aug": ("augment",),
    "augmentation": ("augment",),
    "accumulate": ("trainer.accumulate_grad_batches",),
}
_USUAL = ("folder",)  # options to suggest where none is chosen
_OTHER_VALUES = ("data.split", "save")  # keys that take no value of their synonym
_LONGEST_VALUE = 60
_MOST_NAMED = 30
_SURE = 0.85  # similarity from which a name counts as misspelled, 0 to 1


def no_such_key(key: str, value: str, known: Collection[str], options: Mapping[str, Collection[str]]) -> str:
    """The sentence for a key that nothing reads, with the nearest one that there is.

    Args:
        key: Dotted, as typed.
        value: What it was given, as typed; empty where it was not.
        known: All dotted keys that there are.
        options: Names of the options of each group.

    Example:
        >>> no_such_key("nek", "fpn", ["neck", "neck.width"], {"neck": ["fpn", "none"]})
        'There is no key nek: did you mean neck=fpn?'
        >>> no_such_key("conf", "0.9", ["score_threshold", "output"], {})
        'There is no key conf: did you mean score_threshold=0.9?'
    """
    if sentence := _without_option(key, known, options):
        return sentence
    found = _nearest(key, set(known))
    if found is None:
        before = key[: _depth_known(key, known)]
        siblings = sorted({name[len(before) :].split(".")[0] for name in known if name.startswith(before)})
        if not siblings:
            return f"There is no key {key}."
        more = f" and {len(siblings) - _MOST_NAMED} others" if len(siblings) > _MOST_NAMED else ""
        return (
            f"There is no key {key}: give one of {', '.join(before + each for each in siblings[:_MOST_NAMED])}{more}."
        )
    holds_keys = any(name.startswith(f"{found}.") for name in known)
    fits = all(each in options[found] for each in value.split(",")) if found in options else not holds_keys
    fits = fits and found not in _OTHER_VALUES
    shown = f"{found}={value}" if value and fits and len(value) <= _LONGEST_VALUE else found
    return f"There is no key {key}: did you mean {shown}?"


def _without_option(key: str, known: Collection[str], options: Mapping[str, Collection[str]]) -> str:
    """The sentence for a key of a group of which no option is chosen; empty for any other key."""
    group = key.partition(".")[0]
    if group == key or group not in options or any(name.startswith(f"{group}.") for name in known):
        return ""
    usual = next((each for each in options[group] if each in _USUAL), next(iter(options[group])))
    return f"There is no key {key} as long as {group} is not chosen: add {group}={usual}, or another option of {group}."


def advice(name: str, known: Iterable[str]) -> str:
    """The nearest of the names that there are, or all of them; the end of a sentence."""
    known = list(known)
    near = difflib.get_close_matches(name, known, 1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"give one of {', '.join(known)}."


def _nearest(key: str, known: set[str]) -> str | None:
    before, leaf = key[: _depth_known(key, known)], key.rpartition(".")[2]
    siblings = sorted({name[len(before) :].split(".")[0] for name in known if name.startswith(before)})
    part = key[len(before) :].split(".")[0]
    close = difflib.get_close_matches(part, siblings, 1, cutoff=0.75)
    meant = _misspelled_synonym(key, close)
    if any(name in known for name in meant):
        return next(name for name in meant if name in known)
    if close:
        rest = key[len(before) + len(part) :]
        whole = f"{before}{close[0]}{rest}"
        return whole if whole in known else f"{before}{close[0]}"
    named = [name for name in _SYNONYMS.get(leaf, ()) if name in known]
    same = sorted((name for name in known if name.rpartition(".")[2] == leaf), key=lambda name: (name.count("."), name))
    looser = [f"{before}{each}" for each in difflib.get_close_matches(part, siblings, 1, cutoff=0.5)]
    leaves = {name.rpartition(".")[2]: name for name in sorted(known, key=lambda name: -name.count("."))}
    far = [leaves[each] for each in difflib.get_close_matches(leaf, leaves, 1, cutoff=0.8)]
    return next(iter([*named, *same, *far, *looser]), None)


def _misspelled_synonym(key: str, close: list[str]) -> tuple[str, ...]:
    """The keys for a name that is nearer to one of the other frameworks' than to any of ours, such as `treshold`."""
    near = difflib.get_close_matches(key, _SYNONYMS, 1, cutoff=_SURE)
    if not near or (close and _similarity(key, close[0]) >= _similarity(key, near[0])):
        return ()
    return _SYNONYMS[near[0]]


def _similarity(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _depth_known(key: str, known: Collection[str]) -> int:
    """Characters of the longest part of the key, to a dot, that there is."""
    dots = [place for place, letter in enumerate(key) if letter == "."]
    return max((dot + 1 for dot in dots if key[:dot] in known), default=0)
