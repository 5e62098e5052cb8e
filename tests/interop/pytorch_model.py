#!/usr/bin/env python3
"""Runs a model that weaklabel wrote in PyTorch and compares the probabilities.

    pytorch_model.py MODEL EXAMPLES

MODEL is a `best*.safetensors` of a run. EXAMPLES is a safetensors file with `inputs` (standardised log-mel,
segment × frame × band) and weaklabel's `probabilities` for them (segment × class). Prints the largest absolute
difference; the exit code is 1 when it exceeds 1e-5. Needs torch and safetensors.
"""

import json
import sys
from collections import OrderedDict

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

TOLERANCE = 1e-5


class Tagger(nn.Module):
    """The networks E (`cnn`) and G (`fc`), with the layers that `model` describes."""

    def __init__(self, model, bands, classes):
        super().__init__()
        self.chunk_frames = model["chunk_frames"]
        layers, channels = OrderedDict(), 1
        for i, (filters, pool) in enumerate(zip(model["filters"], model["pools"])):
            layers[f"conv{i}"] = nn.Conv2d(channels, filters, model["kernel"], padding=model["kernel"] // 2)
            layers[f"activation{i}"] = nn.LeakyReLU(model["slope"])
            layers[f"dropout{i}"] = nn.Dropout(model["dropout"])
            layers[f"pool{i}"] = nn.MaxPool2d(pool)
            channels, bands = filters, bands // pool[1]
        self.cnn = nn.Sequential(layers)
        # Before there could be several hidden layers, there was one and its width stood alone.
        hidden = model["hidden"] if isinstance(model["hidden"], list) else [model["hidden"]]
        layers, inputs = OrderedDict(), bands * channels
        for i, units in enumerate(hidden):
            layers[f"linear{i}"] = nn.Linear(inputs, units)
            layers[f"activation{i}"] = nn.LeakyReLU(model["slope"])
            layers[f"dropout{i}"] = nn.Dropout(model["dropout"])
            inputs = units
        layers[f"linear{len(hidden)}"] = nn.Linear(inputs, classes)
        self.fc = nn.Sequential(layers)

    def forward(self, inputs):
        """Probabilities, segment × class, of inputs, segment × frame × band."""
        segments, _, bands = inputs.shape
        planes = self.cnn(inputs.reshape(-1, 1, self.chunk_frames, bands))
        steps = planes.permute(0, 2, 3, 1).flatten(2)  # chunk × time × (mel · channels + channel)
        embedding = steps.mean(1).reshape(segments, -1, steps.shape[2]).mean(1)
        return torch.sigmoid(self.fc(embedding))


def load(path):
    """The model in `path`, ready to evaluate."""
    with safe_open(path, "pt") as file:
        description = json.loads(file.metadata()["weaklabel"])
    tagger = Tagger(description["model"], description["features"]["bands"], len(description["classes"]))
    tagger.load_state_dict(load_file(path))
    return tagger.eval()


def main(model, examples):
    examples = load_file(examples)
    with torch.no_grad():
        probabilities = load(model)(examples["inputs"])
    expected = examples["probabilities"]
    if probabilities.shape != expected.shape:
        sys.exit(f"{tuple(probabilities.shape)} probabilities, expected {tuple(expected.shape)}")
    difference = (probabilities - expected).abs().max().item()
    print(f"{model}: {expected.numel()} probabilities from {expected.min():.3f} to {expected.max():.3f} "
          f"differ by at most {difference:.1e}")
    # Written so that NaN fails as well.
    sys.exit(0 if difference <= TOLERANCE else 1)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
