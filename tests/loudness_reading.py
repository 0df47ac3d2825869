"""What FFmpeg's own meter reads on a file: the second opinion that the mix is held against."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from dubline.media.sound import open_sound, read_blocks
from dubline.separation.quality import QualityMeter


def integrated(path: Path, start: int = 0, stop: int | None = None) -> float | None:
    """LUFS by FFmpeg's ebur128 filter, to three decimals."""
    sound = open_sound(path)
    meter = QualityMeter(("all",), sound.rate, sound.channels, sound.layout, None)
    for block in read_blocks(path, start=start, stop=stop):
        meter.push(block, block[None])
    return meter.result().levels[0].lufs


def integrated_as_it_is(path: Path) -> float | None:
    """LUFS by FFmpeg's ebur128 filter at the file's own rate, as the ffmpeg program reads it."""
    import av
    import av.filter

    sound = open_sound(path)
    graph = av.filter.Graph()
    inlet = f"sample_rate={sound.rate}:sample_fmt=flt:channel_layout={sound.layout}:time_base=1/{sound.rate}"
    chain = [graph.add("abuffer", inlet), graph.add("ebur128", "metadata=1:framelog=quiet")]
    chain.append(graph.add("abuffersink"))
    for before, after in pairwise(chain):
        before.link_to(after)
    graph.configure()
    reading, at = "", 0
    for block in (*read_blocks(path), None):
        if block is not None:
            packed = np.ascontiguousarray(block.T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=sound.layout)
            frame.sample_rate, frame.pts, frame.time_base = sound.rate, at, Fraction(1, sound.rate)
            at += block.shape[1]
        graph.push(frame if block is not None else None)
        with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                reading = graph.pull().metadata.get("lavfi.r128.I") or reading
    return float(reading) if reading else None


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
