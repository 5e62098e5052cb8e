#!/usr/bin/env python3
"""Makes log-mel as a model of weaklabel says, and compares it with weaklabel's own.

    numpy_log_mel.py MODEL EXAMPLES

MODEL is a `best*.safetensors` of a run: nothing but its metadata is used. EXAMPLES is a safetensors file with `audio`
(segment × sample, at the model's rate) and weaklabel's `features` for it (segment × frame × band), not standardised. Prints the
largest absolute difference; the exit code is 1 when it exceeds 1e-4. Needs numpy and safetensors.
"""

import json
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file

TOLERANCE = 1e-4


def log_mel(about, audio, frames):
    """Log-mel, segment × frame × band, of audio, segment × sample."""
    known = {
        "window_function": "hann_periodic",
        "framing": "centred_in_zeros",
        "spectrum": "magnitude",
        "mel_scale": "htk",
        "mel_filters": "triangles_of_peak_1",
        "logarithm": "natural",
    }
    for name, value in known.items():
        if about[name] != value:
            sys.exit(f"{name} is {about[name]}, and this script makes {value}")
    fft, window = about["fft"], np.zeros(about["fft"])
    start = (fft - about["window"]) // 2
    window[start : start + about["window"]] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(about["window"]) / about["window"])
    padded = np.pad(audio.astype(np.float64), [(0, 0), (fft // 2, fft // 2)])
    cuts = [padded[:, frame * about["hop"] :][:, :fft] for frame in range(frames)]
    magnitude = np.abs(np.fft.rfft(np.stack(cuts, 1) * window))

    mel = lambda hz: 2595 * np.log10(1 + hz / 700)
    edges = np.linspace(mel(about["low_hz"]), mel(about["high_hz"]), about["bands"] + 2)
    low, peak, high = (700 * (10 ** (part / 2595) - 1) for part in (edges[:-2], edges[1:-1], edges[2:]))
    hz = (np.arange(fft // 2 + 1) * about["rate"] / fft)[:, None]
    filters = np.maximum(0, np.minimum((hz - low) / (peak - low), (high - hz) / (high - peak)))
    return np.log(magnitude @ filters + about["log_offset"])


def main(model, examples):
    with safe_open(model, "np") as file:
        about = json.loads(file.metadata()["weaklabel"])["features"]
    examples = load_file(examples)
    expected = examples["features"]
    features = log_mel(about, examples["audio"], expected.shape[1])
    difference = np.abs(features - expected).max()
    print(f"{expected.size} features from {expected.min():.3f} to {expected.max():.3f} differ by at most {difference:.1e}")
    # Written so that NaN fails as well.
    sys.exit(0 if difference <= TOLERANCE else 1)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
