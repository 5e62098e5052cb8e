#!/usr/bin/env python3
"""weaklabel's training step beside that of its peers: nine cells, the programs taking turns on the same machine.

    interleaved.py WEAKLABEL [--rounds N] [--python PYTHON] [--methods …] [--frames …] [--old WEAKLABEL] [--burn BURN]
                   [-- PYTORCH OPTIONS…]

Each round runs each program once in every cell. Printed are the medians of all rounds and, for each peer, the share of its time
that weaklabel takes: the median of the rounds' shares, their least and their most, because only programs that ran one after the
other met the machine at the same speed. The peers are PyTorch and, with `--burn`, the program built in burn/; its options go in the same
word: `--burn "BURN --backend flex"`. `--old` adds another build of weaklabel to every round. What follows `--` goes to
pytorch.py: `-- --device cuda --mode graph`.
"""

import argparse
import json
import pathlib
import shlex
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def milliseconds(command):
    """ms per step that `command` measured, and what it ran on."""
    line = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return statistics.median(line["ms"]), line["adapter"]


def share(own, peer):
    """The share of a peer's time, round by round."""
    shares = sorted(mine / its for mine, its in zip(own, peer))
    return f"{statistics.median(shares):.2f} ({shares[0]:.2f} to {shares[-1]:.2f})"


def main():
    arguments, behind = sys.argv[1:], []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, behind = arguments[:at], arguments[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weaklabel")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--methods", nargs="+", default=["classifier", "triplets", "prototypes"])
    parser.add_argument("--frames", nargs="+", default=["20", "100", "1000"])
    parser.add_argument("--old")
    parser.add_argument("--burn", type=shlex.split)
    options = parser.parse_args(arguments)

    programs = {"weaklabel": [options.weaklabel, "bench", "step", "--json", "--quiet"]}
    if options.old:
        programs["old"] = [options.old, "bench", "step", "--json", "--quiet"]
    peers = {"PyTorch": [options.python, str(HERE / "pytorch.py"), *behind]}
    if options.burn:
        peers["burn"] = options.burn
    programs |= peers
    cells = [["--method", method, "--frames", frames] for frames in options.frames for method in options.methods]
    times, adapters = {}, {}
    for _ in range(options.rounds):
        for cell in cells:
            for name, command in programs.items():
                time, adapters[name] = milliseconds(command + cell)
                times.setdefault((name, cell[1], cell[3]), []).append(time)
    for name, adapter in adapters.items():
        print(f"{name}: {adapter}")
    head = ["method, frames", *programs, *(f"weaklabel / {peer}" for peer in peers)]
    print(f"\n| {' | '.join(head)} |")
    print(f"|{'---|' * len(head)}")
    for cell in cells:
        rounds = {name: times[name, cell[1], cell[3]] for name in programs}
        columns = [f"{statistics.median(of_name):.1f} ms" for of_name in rounds.values()]
        ratios = [share(rounds["weaklabel"], rounds[peer]) for peer in peers]
        print(f"| {cell[1]}, {cell[3]} | {' | '.join(columns + ratios)} |")


if __name__ == "__main__":
    main()
