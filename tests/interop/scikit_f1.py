#!/usr/bin/env python3
"""Compares weaklabel's F1 of segments with several labels with scikit-learn's.

    scikit_f1.py SCORES

SCORES is a safetensors file with `probabilities` and `targets` (segment × class), the `threshold` above which a class is
predicted, and weaklabel's `f1` (class) and `macro_f1`, in per cent. Prints the largest absolute difference; the exit
code is 1 when it exceeds 1e-9. Needs numpy, scikit-learn and safetensors.
"""

import sys

import numpy as np
from safetensors.numpy import load_file
from sklearn.metrics import f1_score

TOLERANCE = 1e-9


def main(path):
    scores = load_file(path)
    targets = scores["targets"].astype(int)
    # In single precision, as on the GPU.
    predictions = (scores["probabilities"] > np.float32(scores["threshold"][0])).astype(int)
    classes = 100 * f1_score(targets, predictions, average=None, zero_division=0)
    macro = 100 * f1_score(targets, predictions, average="macro", zero_division=0)
    difference = max(np.abs(classes - scores["f1"]).max(), abs(macro - scores["macro_f1"][0]))
    print(f"{targets.sum()} labels and {predictions.sum()} predictions in {len(targets)} segments: macro-F1 {macro:.3f} %, "
          f"F1 differ by at most {difference:.1e}")
    # Written so that NaN fails as well.
    sys.exit(0 if difference <= TOLERANCE else 1)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
