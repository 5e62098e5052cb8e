#!/usr/bin/env python3
"""Times the training step of `weaklabel bench step` in PyTorch: the same networks, losses, batches and optimiser.

    pytorch.py [--method classifier|triplets|prototypes] [--frames N] [--batch N] [--mode eager|compile|graph]
               [--device cpu|cuda] [--threads N]

Prints the JSON line that `weaklabel bench step --json` prints. Segments are random and stay where they are, so a step is
forward, backward and AdamW, as it is there. `graph` replays a CUDA graph. Needs torch.
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

CLASSES, BANDS, CHUNK = 10, 64, 20
MEASUREMENTS, MEASUREMENT_S = 9, 0.25


class Model(nn.Module):
    """E, and G behind it (SPEC §§2, 3)."""

    def __init__(self):
        super().__init__()
        layers, channels = [], 1
        for filters, pool in [(16, (2, 2)), (16, (2, 2)), (32, (1, 4)), (65, (1, 2))]:
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.LeakyReLU(0.2), nn.Dropout(0.2), nn.MaxPool2d(pool)]
            channels = filters
        self.e = nn.Sequential(*layers)
        self.g = nn.Sequential(nn.Linear(130, 32), nn.LeakyReLU(0.2), nn.Dropout(0.2), nn.Linear(32, CLASSES))

    def embed(self, segments):
        """Embeddings, segment × 130, of segments, segment × frame × band."""
        planes = self.e(segments.reshape(-1, 1, CHUNK, BANDS))
        return planes.permute(0, 2, 3, 1).flatten(2).mean(1).reshape(len(segments), -1, 130).mean(1)


def classifier(model, segments, labels):
    """Binary cross-entropy of a batch (SPEC §4.1)."""
    return F.binary_cross_entropy_with_logits(model.g(model.embed(segments)), labels)


def triplets(model, segments, _):
    """Triplet loss of as many anchors, positives and negatives (SPEC §4.2)."""
    anchor, positive, negative = F.normalize(model.embed(segments)).chunk(3)
    margin = (anchor - positive).square().sum(1) - (anchor - negative).square().sum(1) + 0.5
    return F.relu(margin).mean()


def prototypes(model, segments, _):
    """Cross-entropy of one query of each class against one support of each (SPEC §4.3)."""
    supports, queries = model.embed(segments).split([CLASSES, len(segments) - CLASSES])
    distances = (queries[:, None] - supports[None]).square().sum(2)
    return F.cross_entropy(-distances, torch.arange(len(queries), device=segments.device) % CLASSES)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=["classifier", "triplets", "prototypes"], default="classifier")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--mode", choices=["eager", "compile", "graph"], default="eager")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    torch.manual_seed(0)
    model = Model().to(device)
    count = {"classifier": options.batch, "triplets": 3 * options.batch, "prototypes": CLASSES + options.batch}
    segments = torch.rand(count[options.method], options.frames, BANDS, device=device) * 3.4 - 1.7
    labels = F.one_hot(torch.arange(options.batch, device=device) % CLASSES, CLASSES).float()
    loss = {"classifier": classifier, "triplets": triplets, "prototypes": prototypes}[options.method]
    if options.mode == "compile":
        loss = torch.compile(loss)
    graph = options.mode == "graph"
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2, capturable=graph)

    def step():
        optimiser.zero_grad(set_to_none=not graph)
        loss(model, segments, labels).backward()
        optimiser.step()

    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    run = step
    if graph:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(side)
        recorded = torch.cuda.CUDAGraph()
        with torch.cuda.graph(recorded):
            step()
        run = recorded.replay

    def time_steps(count):
        wait()
        begin = time.perf_counter()
        for _ in range(count):
            run()
        wait()
        return (time.perf_counter() - begin) / count

    time_steps(3)
    count = max(1, int(MEASUREMENT_S / time_steps(2)))
    times = sorted(1e3 * time_steps(count) for _ in range(MEASUREMENTS))
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(json.dumps({
        "kind": "step",
        "method": options.method,
        "frames": options.frames,
        "batch": options.batch,
        "members": 1,
        "ms": times,
        "ms_median": statistics.median(times),
        "ms_min": times[0],
        "ms_max": times[-1],
        "adapter": f"PyTorch {torch.__version__} {options.mode}, {where}",
        "backend": device.type,
    }))


if __name__ == "__main__":
    main()
