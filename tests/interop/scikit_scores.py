#!/usr/bin/env python3
"""Compares weaklabel's scores of segments with several labels with scikit-learn's.

    scikit_scores.py SCORES

SCORES is a safetensors file with `probabilities` and `targets` (segment × class), the `threshold` above which a class is
predicted, `thresholds` of the classes' own, and weaklabel's scores in per cent: by class (negative for a class without a
positive) `f1`, `precision`, `recall`, `own_f1`, `average_precision` and `roc_auc`; each one's mean over the classes with a
positive as `mean_…`; and `lwlrap`. Prints the largest absolute difference of each; the exit code is 1 when one exceeds
1e-6. Needs numpy, scikit-learn and safetensors.
"""

import sys

import numpy as np
from safetensors.numpy import load_file
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    label_ranking_average_precision_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

TOLERANCE = 1e-6


def main(path):
    scores = load_file(path)
    targets, probabilities = scores["targets"].astype(int), scores["probabilities"]
    present = np.flatnonzero(targets.any(0))
    # In single precision, as on the GPU.
    predictions = (probabilities > np.float32(scores["threshold"][0])).astype(int)
    own_predictions = (probabilities > scores["thresholds"].astype(np.float32)).astype(int)
    of = dict(labels=present, zero_division=0)
    precision, recall, f1, _ = precision_recall_fscore_support(targets, predictions, average=None, **of)
    mean_precision, mean_recall, mean_f1, _ = precision_recall_fscore_support(targets, predictions, average="macro", **of)
    some = targets[:, present], probabilities[:, present]
    labels = targets.sum(1)
    expected = {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "own_f1": f1_score(targets, own_predictions, average=None, **of),
        "average_precision": average_precision_score(*some, average=None),
        "roc_auc": roc_auc_score(*some, average=None),
        "mean_f1": mean_f1,
        "mean_precision": mean_precision,
        "mean_recall": mean_recall,
        "mean_own_f1": f1_score(targets, own_predictions, average="macro", **of),
        "mean_average_precision": average_precision_score(*some, average="macro"),
        "mean_roc_auc": roc_auc_score(*some, average="macro"),
        "lwlrap": label_ranking_average_precision_score(
            targets[labels > 0], probabilities[labels > 0], sample_weight=labels[labels > 0]
        ),
    }
    worst = 0
    print(f"{targets.sum()} labels of {len(present)} classes in {len(targets)} segments, "
          f"{len(np.unique(probabilities))} different scores")
    for name, value in expected.items():
        found = scores[name][present] if np.ndim(value) else scores[name][0]
        difference = np.abs(100 * value - found).max()
        print(f"{name:<24}{100 * np.mean(value):8.3f} %, differs by at most {difference:.1e}")
        # Written so that NaN fails as well.
        worst = worst if difference <= worst else difference
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
