"""How well the separators that need no model take a real scene apart, and how fast: built-in, DeepFilterNet.

    python benchmarks/builtin_sisdr.py [--data ../shared/data]
    python benchmarks/builtin_sisdr.py --remixes    ten mixes that settings were chosen on, and ten held ones

Takes `scene/` with its true stems: speech is dialogue.flac, the background music + sfx + ambient. Prints
the scale-invariant SDR (Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019) of both in dB over
all channels, the same from 23 Hz to 16 kHz, where the separators work (what lies below stays in the
background, and this dialogue has rumble and offset there), and the seconds of processor time spent per
second of sound. Beside it stand the scene left as it is and the ideal ratio mask, which knows the stems:
what any gain between 0 and 1 could hope for.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray
from remixes import CHOSEN, HELD, remixes

from dubline.backends.choosing import options_of
from dubline.backends.contract import Survey
from dubline.backends.separators import classical
from dubline.backends.separators.builtin import Builtin
from dubline.backends.separators.deepfilternet import DeepFilterNet
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


def voice(cls: Any, options: dict[str, Any], mix: Sound, lines: tuple[Line, ...] | None, mono: bool) -> Sound:
    """The voice (2, n), the sound given in one-second blocks."""
    survey = Survey(frames=mix.shape[1], rate=RATE, lines=lines, mono=mono)
    with cls(options_of(cls, options)) as separator:
        stream = separator.stream(survey, lambda: None)
        parts = [stream.push(mix[:, at : at + RATE])[0] for at in range(0, mix.shape[1], RATE)]
        return np.concatenate([*parts, stream.flush()[0]], axis=1)


def ways(lines: tuple[Line, ...]) -> Iterator[tuple[str, Any, dict[str, Any], tuple[Line, ...] | None]]:
    """What is tried: its name, the separator, its options, and the line times it is given."""
    for mode in ["off"] if library_path() is None else ["on", "off"]:
        for known in (lines, None):
            told = "line times" if known else "no line times"
            yield f"RNNoise {mode}, {told}", Builtin, {"rnnoise": mode}, known
    if not DeepFilterNet.missing():
        yield "DeepFilterNet alone", DeepFilterNet, {"alone": True}, None
        yield "DeepFilterNet, line times", DeepFilterNet, {}, lines
        yield "DeepFilterNet, no line times", DeepFilterNet, {}, None


def ideal(speech: Sound, rest: Sound) -> Sound:
    """The ideal ratio mask (power) on the separator's own frames, all bins it works on."""
    samples = speech.shape[1]
    spare = (-samples - classical.LEAD) % classical.HOP + classical.LEAD
    s, r = (classical.analyse(np.pad(x, ((0, 0), (classical.LEAD, spare)))) for x in (speech, rest))
    power_s, power_r = ((np.abs(x) ** 2).sum(axis=0) for x in (s, r))
    sound = classical.Overlap(2).add((s + r) * (power_s / np.maximum(power_s + power_r, 1e-20)))
    return sound[:, classical.LEAD : classical.LEAD + samples]


def within(sound: Sound) -> Sound:
    """What of a sound lies in the bins that the separators work on."""
    samples = sound.shape[1]
    spare = (-samples - classical.LEAD) % classical.HOP + classical.LEAD
    padded = np.pad(sound, ((0, 0), (classical.LEAD, spare)))
    return classical.Overlap(2).add(classical.analyse(padded))[:, classical.LEAD : classical.LEAD + samples]


def on_remixes(data: Path) -> None:
    """Every mix of both sets, without line times: speech / rest in dB, and seconds of processor time."""
    ways = {
        "builtin": (Builtin, {}),
        "alone": (DeepFilterNet, {"alone": True}),
        "together": (DeepFilterNet, {}),
    }
    print(f"{'':30}{'left as it is':>16}{'built-in':>20}{'DeepFilterNet alone':>20}{'together':>20}")
    for name, plans in (("chosen", CHOSEN), ("held", HELD)):
        rows = []
        for mix in remixes(plans, data):
            whole = mix.speech + mix.rest
            row = [si_sdr(whole, mix.speech), si_sdr(whole, mix.rest)]
            for cls, options in ways.values():
                spent = time.process_time()
                found = voice(cls, options, whole, None, False)
                spent = time.process_time() - spent
                row += [si_sdr(found, mix.speech), si_sdr(whole - found, mix.rest), spent]
            rows.append(row)
            _print_row(f"{name}: {mix.name}", row)
        _print_row(f"{name}, mean", list(np.mean(rows, axis=0)))


def _print_row(name: str, row: list[float]) -> None:
    print(f"{name:30}{row[0]:8.2f}{row[1]:8.2f}", end="")
    for at in range(2, len(row), 3):
        print(f"{row[at]:7.2f}{row[at + 1]:7.2f}{row[at + 2]:5.1f}s", end="")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--remixes", action="store_true")
    asked = parser.parse_args()
    if asked.remixes:
        return on_remixes(asked.data)
    scene = asked.data / "scene"
    if not scene.is_dir():
        raise SystemExit(f"no scene at {scene}: pass --data")
    stems = {
        n: sf.read(scene / f"{n}.flac", dtype="float32")[0].T for n in ("dialogue", "music", "sfx", "ambient")
    }
    speech, rest = stems["dialogue"], stems["music"] + stems["sfx"] + stems["ambient"]
    lines = lines_of(scene / "truth.rttm")

    print(f"{'':44}{'speech':>8}{'rest':>8}{'  23 Hz-16 kHz':>16}{'RTF':>8}")
    for mono in (False, True):
        s, r = (np.repeat(x.mean(axis=0, keepdims=True), 2, axis=0) if mono else x for x in (speech, rest))
        place = "mono" if mono else "stereo"
        print(f"{place + ', left as it is':44}{si_sdr(s + r, s):8.2f}{si_sdr(s + r, r):8.2f}")
        for name, cls, options, known in ways(lines):
            spent = time.process_time()
            found = voice(cls, options, s + r, known, mono)
            spent = (time.process_time() - spent) / (s.shape[1] / RATE)
            figures = f"{si_sdr(found, s):8.2f}{si_sdr(s + r - found, r):8.2f}"
            bare_s, bare_r, bare = within(s), within(r), within(found)
            figures += f"{si_sdr(bare, bare_s):8.2f}{si_sdr(bare_s + bare_r - bare, bare_r):8.2f}{spent:8.3f}"
            print(f"{f'{place}, {name}':44}{figures}", flush=True)
        best = ideal(s, r)
        print(f"{place + ', ideal ratio mask':44}{si_sdr(best, s):8.2f}{si_sdr(s + r - best, r):8.2f}")
    for name, gone in (("RNNoise", library_path() is None), ("DeepFilterNet", DeepFilterNet.missing())):
        if gone:
            print(f"{name} is not installed; its rows are left out.")


if __name__ == "__main__":
    main()
