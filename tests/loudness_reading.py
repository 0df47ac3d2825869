"""What FFmpeg's own meter reads on a file: the second opinion that the mix is held against."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from dubline.separation.quality import QualityMeter
from dubline.sound import open_sound, read_blocks


def integrated(path: Path, start: int = 0, stop: int | None = None) -> float | None:
    """LUFS by FFmpeg's ebur128 filter, to three decimals."""
    sound = open_sound(path)
    meter = QualityMeter(("all",), sound.rate, sound.channels, sound.layout, None)
    for block in read_blocks(path, start=start, stop=stop):
        meter.push(block, block[None])
    return meter.result().levels[0].lufs


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
