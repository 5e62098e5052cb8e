#!/usr/bin/env python3
"""Draws the picture of README.md: runs three commands of the program in an empty folder and sets what they print.

    python3 docs/tour.py target/release/weaklabel > docs/tour.svg

The program's name may be any build of it. Takes some minutes on two cores without a GPU.
"""

import pathlib
import shlex
import subprocess
import sys
import tempfile
from xml.sax.saxutils import escape

COMMANDS = [
    "weaklabel generate -o data --train 200 --valid 50 --eval 100",
    "weaklabel train --dataset data --seed 1,2,3 --set train.epochs=40 -o runs/first",
    "weaklabel eval runs/first",
]
ADVANCE, LINE, MARGIN, COLUMNS = 8.4, 20, 20, 100


def shown(program, folder):
    """(colour, text) of every line: a command in green, then what it prints."""
    for command in COMMANDS:
        yield "#7ee787", f"$ {command}"
        words = [program, *shlex.split(command)[1:]]
        run = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
        for line in run.stdout.rstrip().splitlines():
            yield "#e6edf3", line if len(line) <= COLUMNS else line[: COLUMNS - 1] + "…"
        yield "#e6edf3", ""


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        lines = list(shown(program, folder))[:-1]
    width, height = COLUMNS * ADVANCE + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">')
    print(f"<title>{escape('; '.join(COMMANDS))}</title>")
    print('<rect width="100%" height="100%" rx="8" fill="#0d1117"/>')
    print('<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14">')
    for row, (colour, line) in enumerate(lines):
        if line:
            length = f'textLength="{len(line) * ADVANCE:.1f}"'
            # Browsers run spaces together, but not these.
            y, text = MARGIN + row * LINE + 14, escape(line).replace(" ", "\u00a0")
            print(f'<text x="{MARGIN}" y="{y}" {length} fill="{colour}">{text}</text>')
    print("</g>\n</svg>")


if __name__ == "__main__":
    main()
