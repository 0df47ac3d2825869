"""How well the built-in separator takes a real scene apart, and how fast.

    python benchmarks/builtin_sisdr.py [--data ../shared/data]

Takes `scene/` with its true stems: speech is dialogue.flac, the background music + sfx + ambient. Prints
the scale-invariant SDR (Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019) of both in dB over
all channels, and the seconds of processor time spent per second of sound. Beside it stand the scene left as
it is and the ideal ratio mask, which knows the stems: what any gain between 0 and 1 could hope for.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from dubline.backends.contract import Survey
from dubline.backends.separators import classical
from dubline.backends.separators.builtin import Builtin
from dubline.backends.separators.rnnoise import library_path
from dubline.values.media import Line

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
RATE = 48000

Sound = NDArray[np.float32]


def si_sdr(estimate: Sound, truth: Sound) -> float:
    """Scale-invariant SDR in dB over all channels at once; higher is better."""
    e, t = estimate.ravel().astype(np.float64), truth.ravel().astype(np.float64)
    target = (e @ t) / (t @ t) * t
    return float(10 * np.log10((target @ target) / ((e - target) @ (e - target))))


def lines_of(rttm: Path) -> tuple[Line, ...]:
    """The turns of an RTTM file."""
    turns = [row.split() for row in rttm.read_text(encoding="utf-8").splitlines() if row.strip()]
    return tuple(Line(start=float(t[3]), end=float(t[3]) + float(t[4])) for t in turns)


def builtin(mix: Sound, lines: tuple[Line, ...] | None, *, rnnoise: str, mono: bool = False) -> Sound:
    """The voice (2, n), the sound given in one-second blocks."""
    survey = Survey(frames=mix.shape[1], rate=RATE, lines=lines, mono=mono)
    with Builtin(Builtin.Options(rnnoise=rnnoise)) as separator:  # type: ignore[arg-type]
        stream = separator.stream(survey, lambda: None)
        parts = [stream.push(mix[:, at : at + RATE])[0] for at in range(0, mix.shape[1], RATE)]
        return np.concatenate([*parts, stream.flush()[0]], axis=1)


def ideal(speech: Sound, rest: Sound) -> Sound:
    """The ideal ratio mask (power) on the separator's own frames, all bins it works on."""
    samples = speech.shape[1]
    spare = (-samples - classical.LEAD) % classical.HOP + classical.LEAD
    s, r = (classical.analyse(np.pad(x, ((0, 0), (classical.LEAD, spare)))) for x in (speech, rest))
    power_s, power_r = ((np.abs(x) ** 2).sum(axis=0) for x in (s, r))
    sound = classical.Overlap(2).add((s + r) * (power_s / np.maximum(power_s + power_r, 1e-20)))
    return sound[:, classical.LEAD : classical.LEAD + samples]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    scene = parser.parse_args().data / "scene"
    if not scene.is_dir():
        raise SystemExit(f"no scene at {scene}: pass --data")
    stems = {
        n: sf.read(scene / f"{n}.flac", dtype="float32")[0].T for n in ("dialogue", "music", "sfx", "ambient")
    }
    speech, rest = stems["dialogue"], stems["music"] + stems["sfx"] + stems["ambient"]
    lines = lines_of(scene / "truth.rttm")
    modes = ["off"] if library_path() is None else ["on", "off"]

    print(f"{'':44}{'speech':>8}{'rest':>8}{'RTF':>8}")
    for mono in (False, True):
        s, r = (np.repeat(x.mean(axis=0, keepdims=True), 2, axis=0) if mono else x for x in (speech, rest))
        place = "mono" if mono else "stereo"
        print(f"{place + ', left as it is':44}{si_sdr(s + r, s):8.2f}{si_sdr(s + r, r):8.2f}")
        for mode in modes:
            for known in (lines, None):
                spent = time.process_time()
                voice = builtin(s + r, known, rnnoise=mode, mono=mono)
                spent = (time.process_time() - spent) / (s.shape[1] / RATE)
                label = f"{place}, RNNoise {mode}, {'line times' if known else 'no line times'}"
                print(
                    f"{label:44}{si_sdr(voice, s):8.2f}{si_sdr(s + r - voice, r):8.2f}{spent:8.3f}",
                    flush=True,
                )
        best = ideal(s, r)
        print(f"{place + ', ideal ratio mask':44}{si_sdr(best, s):8.2f}{si_sdr(s + r - best, r):8.2f}")
    if modes == ["off"]:
        print("RNNoise is not installed; its rows are left out.")


if __name__ == "__main__":
    main()
