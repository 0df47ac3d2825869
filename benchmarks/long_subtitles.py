"""How long large and odd subtitle files take to read: seconds of processor time at 1 and at 10 MB.

    python benchmarks/long_subtitles.py [--mb 10]

What the files are made of stands in tests/core/test_linear_readers.py, which holds that the work grows with
the file and not faster.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests/core")]

from test_linear_readers import HEAD, PIECES, read_whole  # noqa: E402


def seconds(head: str, piece: str, size: int) -> float:
    """Processor time for a file of about so many bytes."""
    parts, length, number = [head], 0, 0
    while length < size:
        parts.append(PIECES[piece](number))
        length, number = length + len(parts[-1]), number + 1
    text = "".join(parts)
    began = time.process_time()
    read_whole(text)
    return time.process_time() - began


def main() -> None:
    """The command."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--mb", type=float, default=10.0)
    large = int(arguments.parse_args().mb * 1e6)
    for name, head in (("SubRip", HEAD), ("WebVTT", "WEBVTT\n\n00:01.000 --> 00:02.000\n")):
        for piece in PIECES:
            one, ten = seconds(head, piece, large // 10), seconds(head, piece, large)
            print(
                f"{name}  {piece:<20} {one:7.2f} s {ten:7.2f} s  {ten / max(one, 1e-3):5.1f} times",
                flush=True,
            )


if __name__ == "__main__":
    main()
