"""What FFmpeg's own meter reads on a file: the second opinion that the mix is held against."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from dubline.media.sound import open_sound, read_blocks

METER_RATES = (44100, 48000, 88200, 96000)


def integrated(path: Path, start: int = 0, stop: int | None = None) -> float | None:
    """LUFS by FFmpeg's ebur128 filter, of samples `start` to `stop`; None under its gate."""
    sound = open_sound(path)
    return integrated_blocks(read_blocks(path, start=start, stop=stop), sound.rate, sound.layout)


def integrated_blocks(
    blocks: Iterable[np.ndarray], rate: int, layout: str, *, convert: bool = True
) -> float | None:
    """The same of blocks (channels, n) of float32. `layout` is FFmpeg's name; `convert` brings rates that the
    filter is not right at to 48 kHz first."""
    import av
    import av.filter

    graph = av.filter.Graph()
    chain = [
        graph.add("abuffer", f"sample_rate={rate}:sample_fmt=flt:channel_layout={layout}:time_base=1/{rate}"),
        *([graph.add("aresample", "48000")] if convert and rate not in METER_RATES else []),
        graph.add("ebur128", "metadata=1:framelog=quiet"),
        graph.add("abuffersink"),
    ]
    for before, after in pairwise(chain):
        before.link_to(after)
    graph.configure()
    reading, at = "", 0
    for block in (*blocks, None):
        if block is not None:
            # Interleaved: PyAV's planar frames stop at 8 channels.
            packed = np.ascontiguousarray(block.T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            at += block.shape[1]
        graph.push(frame if block is not None else None)
        with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                reading = graph.pull().metadata.get("lavfi.r128.I") or reading
    return float(reading) if reading and float(reading) > -70 else None


def true_peak(path: Path) -> float | None:
    """dBTP by the ffmpeg program, to one decimal; None where it is not installed."""
    program = shutil.which("ffmpeg")
    if program is None:
        return None
    command = [program, "-nostats", "-hide_banner", "-i", str(path)]
    command += ["-af", "ebur128=peak=true", "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = re.search(r"Peak: +(\S+) dBFS", told[told.rindex("Summary") :])
    assert found
    return float(found[1])
