"""What a detector is worth on labelled pictures: precision, kinds of error, time, and pictures of them."""

from detectors.evaluation.precision import (
    ANY_VEHICLE,
    EVERY_SIZE,
    MIN_SIDE_PX,
    SIZES,
    Precision,
    average_precision,
    by_set,
    detect_all,
    evaluate,
    figures,
    mean_ap50,
    recall_curves,
)

__all__ = [
    "ANY_VEHICLE",
    "EVERY_SIZE",
    "MIN_SIDE_PX",
    "SIZES",
    "Precision",
    "average_precision",
    "by_set",
    "detect_all",
    "evaluate",
    "figures",
    "mean_ap50",
    "recall_curves",
]
