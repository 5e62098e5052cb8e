#!/usr/bin/env python3
"""Times what `weaklabel bench features` times in librosa: decoded clips in memory to log-mel.

    librosa_features.py [--seconds S] [--clips N]

Prints the JSON line that `weaklabel bench features --json` prints. One process, clip after clip, as librosa is used; its FFT
and its matrix product may use more threads. Needs librosa.
"""

import argparse
import json
import statistics
import time

import librosa
import numpy as np

RATE, WINDOW, FFT, HOP, BANDS, LOW, HIGH, OFFSET = 16_000, 400, 512, 160, 64, 125.0, 7_500.0, 0.01
MEASUREMENTS, DIFFERENT = 9, 8


def log_mel(clip):
    """log(mel(|STFT|) + offset), frame × band (SPEC §1)."""
    magnitude = np.abs(librosa.stft(clip, n_fft=FFT, hop_length=HOP, win_length=WINDOW, pad_mode="constant"))
    mel = librosa.feature.melspectrogram(
        S=magnitude, sr=RATE, n_mels=BANDS, fmin=LOW, fmax=HIGH, htk=True, norm=None
    )
    return np.log(mel + OFFSET).T


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clips", type=int, default=64)
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    clips = [
        generator.uniform(-0.1, 0.1, round(options.seconds * RATE)).astype(np.float32) for _ in range(DIFFERENT)
    ]

    def measure():
        begin = time.perf_counter()
        for clip in range(options.clips):
            log_mel(clips[clip % DIFFERENT])
        return 1e3 * (time.perf_counter() - begin) / options.clips

    measure()
    times = sorted(measure() for _ in range(MEASUREMENTS))
    print(json.dumps({
        "kind": "features",
        "seconds": options.seconds,
        "clips": options.clips,
        "ms": times,
        "ms_median": statistics.median(times),
        "ms_min": times[0],
        "ms_max": times[-1],
        "adapter": f"librosa {librosa.__version__}",
        "backend": "cpu",
    }))


if __name__ == "__main__":
    main()
