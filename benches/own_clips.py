#!/usr/bin/env python3
"""Writes the tables of clips of which docs/benchmarks.md compares trainings.

    weaklabel generate --soundbank SOUNDBANK --train 600 --validation 100 --eval 200 --seed 1 --wav -o DIR
    benches/own_clips.py DIR

adds three datasets of the same clips to DIR: `strong` with the times of events, `weak` with labels alone, and `esc`, one
table for all clips as ESC-50 has it, with five folds that do not divide the recording of an event.
"""

import csv
import os
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path

FOLDS = 5
SUBSETS = ("train", "validation", "eval")


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def link(path, target):
    """Makes a relative link, so that DIR can be moved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_symlink():
        path.symlink_to(os.path.relpath(target, path.parent))


def with_times(root):
    for subset in SUBSETS:
        link(root / "strong" / subset, root / subset)
        link(root / "strong" / f"{subset}.tsv", root / f"{subset}.tsv")


def with_labels(root):
    for subset in SUBSETS:
        link(root / "weak" / subset, root / subset)
        labels = defaultdict(set)
        for row in rows(root / f"{subset}.tsv"):
            labels[row["filename"]].add(row["event_label"])
        with open(root / "weak" / f"{subset}.tsv", "w") as table:
            table.write("filename\tevent_labels\n")
            for name, classes in labels.items():
                table.write(f"{name}\t{','.join(sorted(classes))}\n")


def with_folds(root):
    clips = rows(root / "manifest.tsv")
    recordings = defaultdict(list)
    for clip in clips:
        clip["recording"] = Path(clip["event_file"]).stem.split("-")[1]
        recordings[clip["recording"]].append(clip)
    # The largest recordings are placed first, each into the fold with the fewest clips of its class.
    order = sorted(recordings)
    random.Random(0).shuffle(order)
    order.sort(key=lambda recording: -len(recordings[recording]))
    counts, fold_of = [Counter() for _ in range(FOLDS)], {}
    for recording in order:
        label = recordings[recording][0]["event_label"]
        fold = min(range(FOLDS), key=lambda i: (counts[i][label], sum(counts[i].values())))
        fold_of[recording] = fold + 1
        counts[fold].update(clip["event_label"] for clip in recordings[recording])
    classes = sorted({clip["event_label"] for clip in clips})
    (root / "esc" / "meta").mkdir(parents=True, exist_ok=True)
    with open(root / "esc" / "meta" / "esc50.csv", "w") as table:
        table.write("filename,fold,target,category,esc10,src_file,take\n")
        for clip in clips:
            name, label, recording = clip["filename"], clip["event_label"], clip["recording"]
            link(root / "esc" / "audio" / name, root / name.split("-")[0] / name)
            table.write(f"{name},{fold_of[recording]},{classes.index(label)},{label},True,{recording},A\n")


def main():
    root = Path(sys.argv[1])
    with_times(root)
    with_labels(root)
    with_folds(root)


if __name__ == "__main__":
    main()
