"""What the product does with real weights on sounds whose truth is known. The tests hold floors under these
figures, `benchmarks/quality.py` prints them.

The weights are the starter set: they come from the hub or the package index once, and stay in the user's
cache folder. Word error rates are edits over reference words (OpenAI's normalisation of Whisper: case,
marks and numbers as one writes them do not count); diarization error rates are NIST's, collar 0.25 s on both
sides, overlaps counted; SI-SDR is Le Roux et al., "SDR - half-baked or well done?", 2019; chrF is Popovic,
"chrF: character n-gram F-score", 2015, by sacrebleu.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from command import dubline
from kept_models import kept
from numpy.typing import NDArray

os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")

STARTERS = ("whisper-base", "piper-en-joe", "firefox-en-pt", "firefox-pt-en")
DEMO = Path(__file__).resolve().parents[1] / "core" / "dubline" / "cli" / "clips"
TRANSLATED = (
    "Você está atrasado. O trem sai em dez minutos.",
    "Não consegui encontrar a carta. Procurei em todo lugar.",
    "Estava na cozinha, embaixo do relógio velho.",
    "Então alguém mexeu nela durante a noite.",
    "Boa noite. Acho que vocês estão procurando isto.",
    "Quem é você e como entrou aqui?",
    "A porta estava aberta. Sente-se, por favor. Precisamos conversar.",
    "Não temos tempo. Me dê a carta.",
    "Leia primeiro. Depois decida se ainda quer ir embora.",
    "Choveu a noite toda e ninguém ouviu a porta.",
)
"""How a person would say the lines of the demo clip, and one more, in Portuguese."""
ONE_MORE = "It rained all night, and nobody heard the door."


class NoWeights(Exception):
    """The starter set is not here and cannot be fetched; says why."""


@cache
def starters() -> Path:
    """A models folder with the starter set, fetched once. Raises `NoWeights`."""

    def make(folder: Path) -> None:
        with models_in(folder):
            for name in STARTERS:
                answer = dubline("models", "fetch", name)
                if answer.status:
                    raise NoWeights(answer.err.strip())

    return kept("starter-set", repr(STARTERS).encode(), make)


@contextmanager
def models_in(folder: Path) -> Iterator[None]:
    """The user's models are those of a folder."""
    before = os.environ.get("DUBLINE_MODELS")
    os.environ["DUBLINE_MODELS"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["DUBLINE_MODELS"]
        else:
            os.environ["DUBLINE_MODELS"] = before


def heard(root: Path, truth: list[dict[str, Any]], room: float = 1.0) -> float:
    """Word error rate in percent of a run's transcript, on the true segments whose words are known.

    Words from `room` seconds around a segment count; those of its neighbours before and after are free.
    """
    words = [word for segment in _transcript(root)["segments"] for word in segment["words"]]
    words.sort(key=lambda word: word["start"])
    wrong = count = 0
    for segment in truth:
        if not segment["text"]:
            continue
        first, last = segment["start"] - room, segment["end"] + room
        near = [w["text"] for w in words if first <= (w["start"] + w["end"]) / 2 <= last]
        wanted = plain(segment["text"])
        wrong += edits(wanted, plain(" ".join(near)))
        count += len(wanted)
    return 100 * wrong / count


@cache
def _normaliser() -> Callable[[str], str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    return EnglishTextNormalizer({})  # type: ignore[no-any-return]


def plain(text: str) -> list[str]:
    """The words of a text without what is a matter of spelling."""
    return _normaliser()(text).split()


def edits(wanted: list[str], near: list[str]) -> int:
    """Insertions, deletions and substitutions from the wanted words to the best stretch of the others."""
    row = [0] * (len(near) + 1)
    for i, word in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(near, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return min(row)


def speakers(root: Path, truth: list[dict[str, Any]], seconds: float) -> float:
    """Diarization error rate in percent of who speaks when in a run."""
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    def annotation(turns: list[dict[str, Any]]) -> Any:
        made = Annotation()
        for number, turn in enumerate(turns):
            made[Segment(turn["start"], turn["end"]), number] = turn["speaker"]
        return made

    rate = DiarizationErrorRate(collar=0.5, skip_overlap=False)
    (rttm,) = (p for p in root.rglob("transcript.rttm") if "steps" not in p.parts)
    found = annotation(turns_of(rttm))
    return 100 * float(rate(annotation(truth), found, uem=Timeline([Segment(0, seconds)])))


def turns_of(rttm: Path) -> list[dict[str, Any]]:
    """The turns of an RTTM file: start and end in seconds, speaker."""
    rows = [row.split() for row in rttm.read_text(encoding="utf-8").splitlines()]
    return [{"start": float(r[3]), "end": float(r[3]) + float(r[4]), "speaker": r[7]} for r in rows if r]


def separated(root: Path, scene: Path) -> tuple[float, float]:
    """SI-SDR in dB of a run's voices, and of all else together, against the true stems."""
    true = {name: _sound(scene / f"{name}.flac") for name in ("dialogue", "music", "sfx", "ambient")}
    stems = {name: _sound(root / f"stems/{name}.wav") for name in ("vocals", "music", "sfx", "ambient")}
    rest = stems["music"] + stems["sfx"] + stems["ambient"]
    return (
        si_sdr(stems["vocals"], true["dialogue"]),
        si_sdr(rest, true["music"] + true["sfx"] + true["ambient"]),
    )


def si_sdr(estimate: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Scale-invariant SDR in dB over all channels at once; higher is better."""
    count = min(len(estimate), len(truth))
    e, t = estimate[:count].ravel(), truth[:count].ravel()
    target = (e @ t) / (t @ t) * t
    return float(10 * np.log10((target @ target) / ((e - target) @ (e - target))))


def fits(root: Path) -> float:
    """Share in percent of a dub's lines that are spoken within their time."""
    takes = json.loads(dub_of(root).read_text(encoding="utf-8"))["takes"]["takes"]
    return 100 * sum(take["state"] == "spoken" for take in takes) / len(takes)


def dub_of(root: Path) -> Path:
    """The record of a run's only dub."""
    (path,) = (p for p in root.rglob("dubbed*.json") if not {"steps", ".copies"} & {*p.parts})
    return path


def translated() -> float:
    """chrF, 0 to 100, of ten lines from English to Portuguese against what a person wrote."""
    from sacrebleu.metrics import CHRF

    from dubline.backends.translators.firefox import Firefox
    from dubline.report import silent
    from dubline.values.translated import SourceLine

    lines = [*(s["text"] for s in demo_truth()["segments"]), ONE_MORE]
    asked = [SourceLine(key=str(number), text=text) for number, text in enumerate(lines)]
    with Firefox(Firefox.Options(source="en", target="pt")) as translator:
        answers = {k: v for batch in translator.translate(asked, {}, silent) for k, v in batch.items()}
    found = [answers[line.key].candidates[0].text for line in asked]
    return float(CHRF().corpus_score(found, [list(TRANSLATED)]).score)


def spoken(folder: Path) -> float:
    """Word error rate in percent of the demo's lines, spoken by Piper and heard by Whisper base."""
    wrong = count = 0
    for number, (text, take) in enumerate(_takes()):
        path = folder / f"{number}.wav"
        sf.write(path, take.sound.T, take.rate)
        said = " ".join(piece.text for piece in _ear().transcribe(str(path), language="en")[0])
        wanted = plain(text)
        wrong += edits(wanted, plain(said))
        count += len(wanted)
    return 100 * wrong / count


def spoken_at(folder: Path, factor: float) -> float:
    """The same with the takes at another pitch, one after the other."""
    from dubline.signal.pitch import shifted

    path, wanted, sounds = folder / "shifted.wav", [], []
    for text, take in _takes():
        wanted += plain(text)
        sounds += [shifted(take.sound, take.rate, factor), np.zeros((1, take.rate // 2), np.float32)]
    sf.write(path, np.concatenate(sounds, axis=1).T, take.rate)
    said = " ".join(piece.text for piece in _ear().transcribe(str(path), language="en")[0])
    return 100 * edits(wanted, plain(said)) / len(wanted)


@cache
def _takes() -> list[tuple[str, Any]]:
    """The demo's lines, and Piper's takes of them."""
    from dubline.backends.voices.piper import Piper

    with models_in(starters()), Piper(Piper.Options(language="en")) as voice:
        (name,) = (info.name for info in voice.voices())
        texts = [segment["text"] for segment in demo_truth()["segments"]]
        how: dict[str, Any] = {"speed": 1.0, "pitch": 1.0, "tick": lambda: None}
        return [(text, voice.speak(text, name, **how)) for text in texts]


@cache
def _ear() -> Any:
    """Whisper base."""
    from faster_whisper import WhisperModel

    return WhisperModel(str(starters() / "whisper-base"), device="cpu", compute_type="int8", cpu_threads=1)


def demo_truth() -> dict[str, Any]:
    """What is said in the demo clip, by whom and when."""
    truth: dict[str, Any] = json.loads((DEMO / "letter.json").read_text(encoding="utf-8"))
    return truth


def _transcript(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "transcript.json").read_text(encoding="utf-8"))
    return found


def _sound(path: Path) -> NDArray[np.float64]:
    samples: NDArray[np.float64] = sf.read(path, dtype="float64", always_2d=True)[0]
    return samples
