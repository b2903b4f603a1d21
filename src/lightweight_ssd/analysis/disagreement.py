"""On which images two runs disagree most: a look at them says more about two models than a tenth of a point of mAP."""

import numpy as np
from jaxtyping import Float, Int

from lightweight_ssd.analysis.evaluated_set import EvaluatedSet
from lightweight_ssd.metrics.assignment import assign_detections
from lightweight_ssd.metrics.average_precision import PackedDetections

__all__ = ["image_scores", "most_disagreed"]


def image_scores(
    evaluated: EvaluatedSet, score_threshold: float = 0.3, iou_threshold: float = 0.5
) -> Float[np.ndarray, " N"]:
    """How right each image is at one score threshold: F1 = 2 true / (2 true + false + missed).

    Difficult objects and the detections on them count neither way. An image with nothing to find is 1 if nothing was
    found and 0 otherwise.

    Args:
        evaluated: Detections and objects of a run.
        score_threshold: Smallest score that counts as found.
        iou_threshold: Smallest IoU of a hit, in (0, 1].

    Returns:
        0 to 1, in the order of `evaluated.image_ids`.
    """
    images, objects = len(evaluated.image_ids), evaluated.objects
    kept = evaluated.detections.scores >= score_threshold
    found = PackedDetections(*(column[kept] for column in evaluated.detections))
    assignment = assign_detections(found, objects, len(evaluated.class_names), iou_threshold)
    image_index = assignment.detections.image_index
    true = np.bincount(image_index[assignment.true], minlength=images)
    false = np.bincount(image_index[assignment.false], minlength=images)
    asked = np.bincount(objects.image_index[~objects.difficult], minlength=images)
    return np.divide(2 * true, true + false + asked, out=np.ones(images), where=false + asked > 0)


def most_disagreed(
    scores_a: Float[np.ndarray, " N"], scores_b: Float[np.ndarray, " M"], count: int
) -> Int[np.ndarray, " K"]:
    """Places of the images whose scores differ most, the largest difference first, ties by place.

    Args:
        scores_a: Score of each image in one run, from `image_scores`.
        scores_b: The same in the other, with M = N.
        count: Images wanted; fewer come back where there are fewer.

    Raises:
        ValueError: If the runs were not measured on as many images.

    Example:
        >>> most_disagreed(np.array([1.0, 0.5, 0.0]), np.array([1.0, 1.0, 1.0]), count=2)
        array([2, 1])
    """
    if len(scores_a) != len(scores_b):
        raise ValueError(
            f"Expected scores of the same images but got {len(scores_a)} and {len(scores_b)}; "
            "compare runs that were measured on one split."
        )
    return np.argsort(-np.abs(scores_a - scores_b), kind="stable")[: max(count, 0)]
