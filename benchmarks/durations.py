# ruff: noqa: RUF001 - phonetic letters
"""How well the length of speech is predicted, against voices that really speak.

    python benchmarks/durations.py            leave-one-out errors against flite and espeak-ng
    python benchmarks/durations.py --table    the coefficients of `default_model`, fitted anew

Each line of `spoken_lines.tsv` is spoken, and silence at both ends (under 1 % of the peak) taken off. The
error is |predicted / real - 1|, each line predicted from all others of that voice: by `calibrated`, beginning
with the default model, which was fitted to these voices, and with one that was not ("from afar"). Beside it
stands what other programs do, fitted to the same other lines: letters alone, syllables alone, letters with a
constant. "As it is" is the default model untouched, times the voice's overall pace. Syllables are counted
against the vowels of espeak-ng's own phonemes, in these lines (the list of exceptions was made with them in
view). Needs the programs espeak-ng and flite.

The lines were written for this: English as a series has them, from one word to two sentences, the other
languages twenty or thirty that say the same. Japanese stands in kana, because espeak-ng 1.51 reads no
ideographs; Chinese is missing for the same reason.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile as sf

from dubline.fit import durations
from dubline.fit.durations import DurationModel, calibrated, default_model, features
from dubline.fit.syllables import syllables, words_of

LINES: dict[str, tuple[str, ...]] = {}
for row in Path(__file__).with_name("spoken_lines.tsv").read_text(encoding="utf-8").splitlines()[1:]:
    LINES[row.split("\t")[0]] = (*LINES.get(row.split("\t")[0], ()), row.split("\t")[1])
VOICES = {"en": "en-us", "fr": "fr-fr", "pt": "pt-br"}
EDGE = 0.01
VOWELS = re.compile("aɪə|aɪɚ|aɪ|aʊ|eɪ|oʊ|ɔɪ|ɪə|ʊə|iə|ɛɹ|[aeiouɑɒæʌɛəɚɜɝɪʊɔɐᵻ]ː?|n̩|l̩|əl")
AFAR = {"syllable": 0.09, "character": 0.03, "clause": 0.3, "sentence": 0.48, "constant": 0.1}
Takes = list[tuple[str, float]]


def voiced(samples: np.ndarray, rate: int) -> float:
    """Seconds from the first to the last sample over 1 % of the peak."""
    loud = np.flatnonzero(np.abs(samples) > EDGE * np.abs(samples).max())
    return float(loud[-1] - loud[0]) / rate


def espeak(line: str, language: str) -> float:
    voice = VOICES.get(language, language)
    wave = subprocess.run(
        ["espeak-ng", "-v", voice, "--stdin", "--stdout"],
        input=line.encode(),
        capture_output=True,
        check=True,
    ).stdout
    rate = int.from_bytes(wave[24:28], "little")  # the header's lengths are wrong on a pipe
    return voiced(np.frombuffer(wave[44 : len(wave) // 2 * 2], "<i2").astype(np.float32), rate)


def flite(line: str, folder: Path) -> float:
    subprocess.run(["flite", "-voice", "slt", "-t", line, "-o", str(folder / "take.wav")], check=True)
    return voiced(*sf.read(io.BytesIO((folder / "take.wav").read_bytes()), dtype="float32"))


def plain(rows: np.ndarray, real: np.ndarray, row: np.ndarray) -> float:
    """Least squares of the relative error on some of the features, for one more line."""
    return float(row @ np.linalg.lstsq(rows / real[:, None], np.ones(len(real)), rcond=None)[0])


def figures(errors: Sequence[float]) -> str:
    return f"{100 * np.mean(errors):5.1f} % {100 * np.percentile(errors, 90):6.1f} %"


def report(name: str, takes: Takes, prior: DurationModel) -> None:
    rows = np.array([features(text, prior.language) for text, _ in takes], float)
    real = np.array([seconds for _, seconds in takes])
    ordinary = np.array([prior.seconds(text) for text, _ in takes])
    afar = DurationModel(language=prior.language, **AFAR)
    errors: dict[str, list[float]] = {
        "calibrated": [
            abs(calibrated(prior, takes[:i] + takes[i + 1 :]).seconds(text) / seconds - 1)
            for i, (text, seconds) in enumerate(takes)
        ],
        "calibrated from afar": [
            abs(calibrated(afar, takes[:i] + takes[i + 1 :]).seconds(text) / seconds - 1)
            for i, (text, seconds) in enumerate(takes)
        ],
        "default model as it is": list(abs(ordinary * np.median(real / ordinary) / real - 1)),
    }
    for label, columns in (("letters alone", [1]), ("syllables alone", [0]), ("letters + constant", [1, 4])):
        x = rows[:, columns]
        errors[label] = [
            abs(plain(np.delete(x, i, 0), np.delete(real, i), x[i]) / real[i] - 1) for i in range(len(real))
        ]
    print(f"\n{name}: {len(takes)} lines, {real.min():.2f} to {real.max():.2f} s          mean      p90")
    for label, found in errors.items():
        print(f"  {label:<40}{figures(found)}")


def few(name: str, takes: Takes, prior: DurationModel) -> None:
    """What three takes teach about all the others, over 100 draws."""
    rng = random.Random(1)
    before, after = [], []
    for _ in range(100):
        shown = rng.sample(range(len(takes)), 3)
        model = calibrated(prior, [takes[i] for i in shown])
        rest = [take for i, take in enumerate(takes) if i not in shown]
        before.append(np.mean([abs(prior.seconds(text) / real - 1) for text, real in rest]))
        after.append(np.mean([abs(model.seconds(text) / real - 1) for text, real in rest]))
    change = np.array(after) - np.array(before)
    print(
        f"  {name}: error before {100 * np.mean(before):.1f} %, after 3 takes {100 * np.mean(after):.1f} %; "
        f"worst draw {100 * change.max():+.1f}, better or equal in {int((change <= 1e-9).sum())} of 100"
    )


def phonemes(words: Sequence[str]) -> list[int]:
    text = "\n".join(f"{word}." for word in words)
    said = subprocess.run(
        ["espeak-ng", "-v", "en-us", "-q", "--ipa", "--stdin"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [len(VOWELS.findall(line)) for line in said.split("\n") if line.strip()]


def table(spoken: dict[str, Takes]) -> None:
    """`default_model`, language by language: every coefficient held near what languages have in common."""
    for language, takes in spoken.items():
        rows = np.array([features(text, language) for text, _ in takes], float)
        real = np.array([seconds for _, seconds in takes])
        letters = rows[:, 1].sum() / rows[:, 0].sum()
        common = np.array([*AFAR.values()])
        common[1] = common[0] / letters
        fitted = durations._fitted(common, rows, real)
        numbers = ", ".join(f"{value:.4f}" for value in fitted)
        print(f'    "{language}": ({numbers}),  # {rows[:, 0].sum() / real.sum():.2f} syllables a second')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", action="store_true", help="fit the table of default_model")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        slt = [(line, flite(line, Path(folder))) for line in LINES["en"]]
    if asked.table:
        spoken = {
            language: [(line, espeak(line, language)) for line in lines] for language, lines in LINES.items()
        }
        spoken["en"] += slt
        table(spoken)
        return
    english = [(line, espeak(line, "en")) for line in LINES["en"]]
    turkish = [(line, espeak(line, "tr")) for line in LINES["tr"]]
    report("English, flite slt", slt, default_model("en"))
    report("English, espeak-ng en-us", english, default_model("en"))
    report("Turkish, espeak-ng tr", turkish, default_model("tr"))
    print("\nthree takes of a voice that is a fifth slower:")
    for name, takes, language in (
        ("flite", slt, "en"),
        ("espeak-ng", english, "en"),
        ("Turkish", turkish, "tr"),
    ):
        few(name, [(text, seconds * 1.2) for text, seconds in takes], default_model(language))
    print("three takes of a voice that the default model was fitted to:")
    for name, takes, language in (
        ("flite", slt, "en"),
        ("espeak-ng", english, "en"),
        ("Turkish", turkish, "tr"),
    ):
        few(name, takes, default_model(language))
    words = sorted({word.lower() for line in LINES["en"] for word in words_of(line)})
    counted = phonemes(words)
    right = sum(syllables(word, "en") == count for word, count in zip(words, counted, strict=True))
    print(f"\nEnglish syllables as espeak-ng's phonemes have them: {right} of {len(words)} words")


if __name__ == "__main__":
    main()
