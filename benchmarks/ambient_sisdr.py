"""What the ambience split gains on real effects, and what it costs.

    python benchmarks/ambient_sisdr.py [FOLDER with sfx.flac and ambient.flac]

Sums the two true stems, takes the sum apart with several windows, and prints scale-invariant SDR
(Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019) before and after, in dB, with the
CPU seconds spent per second of sound.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from dubline.separation.ambient import AmbientSplit

SCENE = Path(__file__).resolve().parents[1] / "../shared/data/scene"


def si_sdr(estimate: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Scale-invariant SDR in dB over all channels at once; higher is better."""
    e, t = estimate.ravel().astype(np.float64), truth.ravel().astype(np.float64)
    target = (e @ t) / (t @ t) * t
    return float(10 * np.log10((target @ target) / ((e - target) @ (e - target))))


def split(sound: NDArray[np.float32], rate: int, window: float) -> tuple[NDArray[np.float32], ...]:
    """The whole sound through the stream in one-second blocks -> (sfx, ambient)."""
    stream = AmbientSplit(rate, sound.shape[0], window)
    parts = [stream.push(sound[:, at : at + rate]) for at in range(0, sound.shape[1], rate)]
    parts.append(stream.flush())
    return tuple(np.concatenate(side, axis=1) for side in zip(*parts, strict=True))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SCENE
    if not (folder / "sfx.flac").is_file():
        sys.exit(f"no sfx.flac in {folder}: give the folder that holds sfx.flac and ambient.flac")
    sfx, rate = sf.read(folder / "sfx.flac", dtype="float32", always_2d=True)
    ambient, _ = sf.read(folder / "ambient.flac", dtype="float32", always_2d=True)
    print("ambience      window    sfx in -> out     ambient in -> out    CPU s per s")
    for gain_db in (0.0, -9.0, 6.0):
        true_sfx, true_ambient = sfx.T, ambient.T * np.float32(10 ** (gain_db / 20))
        mix = true_sfx + true_ambient
        for window in (4.0, 15.0, 30.0, 60.0):
            began = time.process_time()
            out_sfx, out_ambient = split(mix, rate, window)
            cost = (time.process_time() - began) / (mix.shape[1] / rate)
            print(
                f"{gain_db:+5.0f} dB      {window:4.0f} s"
                f"    {si_sdr(mix, true_sfx):6.2f} -> {si_sdr(out_sfx, true_sfx):6.2f}"
                f"    {si_sdr(mix, true_ambient):6.2f} -> {si_sdr(out_ambient, true_ambient):6.2f}"
                f"       {cost:.4f}"
            )


if __name__ == "__main__":
    main()
