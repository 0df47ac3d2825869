"""How well turns are heard in their language, and what finding it costs.

    python benchmarks/languages.py --model FOLDER

Real English alone (the scene, a call, meetings; their known turns) must stay English throughout. Made
dialogues of two languages, by voices of espeak-ng over the scene's ambience 15 dB below, must have every turn
in its own. Times are of the processor, on one thread, beside what recognising the same turns takes.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from dubline.backends.recognizers.faster_whisper import FasterWhisper
from dubline.media.sound import FloatFile
from dubline.media.speech import RATE, Speech
from dubline.recognition.exports import read_rttm
from dubline.recognition.spoken_language import ask, languages, pieces
from dubline.recognition.stretches import pack
from dubline.report import silent
from dubline.values.transcript import Turn

DATA = Path(__file__).resolve().parents[2] / "shared/data"
SAID = {
    "en": (
        "Where have you been all day? We were waiting for you.",
        "I told you that I would be late tonight.",
        "Yes, of course.",
    ),
    "es": (
        "¿Dónde has estado todo el día? Te estábamos esperando.",
        "Te dije que hoy llegaría tarde a casa.",
        "Sí, claro.",
    ),
    "fr": (
        "Où étais-tu toute la journée ? Nous t'attendions tous.",
        "Je t'ai dit que je rentrerais tard ce soir.",
        "Oui, bien sûr.",
    ),
    "de": (
        "Wo bist du den ganzen Tag gewesen? Wir haben auf dich gewartet.",
        "Ich habe dir doch gesagt, dass ich spät komme.",
        "Ja, natürlich.",
    ),
    "it": (
        "Dove sei stato tutto il giorno? Ti stavamo aspettando.",
        "Ti avevo detto che sarei tornato tardi stasera.",
        "Sì, certo.",
    ),
    "pl": (
        "Gdzie byłeś cały dzień? Wszyscy na ciebie czekaliśmy.",
        "Mówiłem ci, że dzisiaj wrócę późno do domu.",
        "Tak, oczywiście.",
    ),
}
"""In languages that a small Whisper knows from espeak-ng at all; of its Portuguese, Turkish, Russian and
Dutch nothing is sure."""
VOICES = ("m3", "f2")


def mono(path: Path) -> Any:
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return soxr.resample(sound.mean(axis=1), rate, RATE)


def real() -> Iterator[tuple[str, Any, list[Turn]]]:
    """English sounds with their turns."""
    for name in ("mix", "dialogue"):
        yield f"scene {name}", mono(DATA / f"scene/{name}.flac"), list(read_rttm(DATA / "scene/truth.rttm"))
    yield "call", mono(DATA / "diarization/sample.wav"), list(read_rttm(DATA / "diarization/sample.rttm"))
    meetings: dict[str, list[Turn]] = {}
    for part in ("train", "development"):
        for line in (DATA / f"diarization/debug.{part}.rttm").read_text().splitlines():
            field = line.split()
            start = float(field[3])
            turn = Turn(start=start, end=start + float(field[4]), speaker=field[7])
            meetings.setdefault(field[1], []).append(turn)
    for name, turns in meetings.items():
        if (path := DATA / f"diarization/{name}.wav").exists():
            yield name, mono(path), turns


def dialogue(one: str, other: str, ambience: Any, folder: Path) -> tuple[Any, list[Turn], list[str]]:
    """Two voices, each in its own language, sentence after sentence; the sound, its turns, and the truth."""
    sounds, turns, truth, at = [], [], [], 0
    for k, sentence in enumerate(range(3)):
        for voice, language in zip(VOICES, (one, other), strict=True):
            path = folder / "said.wav"
            text = SAID[language][(sentence + k) % 3]
            subprocess.run(["espeak-ng", "-v", f"{language}+{voice}", "-w", path, "--", text], check=True)
            said = mono(path)
            turns.append(Turn(start=at / RATE, end=(at + len(said)) / RATE, speaker=voice))
            truth.append(language)
            sounds += [said, np.zeros(RATE // 2, np.float32)]
            at += len(said) + RATE // 2
    sound = np.concatenate(sounds)
    below = np.resize(ambience, len(sound))
    gain = np.sqrt((sound**2).mean() / max((below**2).mean(), 1e-12)) * 10 ** (-15 / 20)
    return (sound + gain * below).astype(np.float32), turns, truth


def heard(
    ear: FasterWhisper, sound: Any, turns: list[Turn], folder: Path
) -> tuple[list[str], list[Turn], float, float]:
    """The language of each piece, the pieces, the processor seconds for the languages and for the words."""
    path = folder / "sound.f32"
    path.unlink(missing_ok=True)
    with FloatFile(path, 1) as file:
        file.append(np.asarray(sound, np.float32)[None])
    with Speech(path) as speech:
        start = time.process_time()
        spoken = pieces(turns, speech)
        found = list(languages(spoken, [ask(ear, speech, piece) for piece in spoken]))
        middle = time.process_time()
        main = max(dict.fromkeys(found), key=found.count)
        stretches = [type(s)(start=s.start, end=s.end, language=main) for s in pack(turns, speech)]
        list(ear.recognize(speech, tuple(stretches), silent))
        return found, list(spoken), middle - start, time.process_time() - middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", required=True, help="a Whisper for faster-whisper: a folder or a name")
    parser.add_argument("--without-words", action="store_true", help="do not measure what recognising takes")
    given = parser.parse_args()
    ear = FasterWhisper(FasterWhisper.Options(model=given.model, device="cpu", threads=1))
    if given.without_words:
        ear.recognize = lambda *asked: iter(())  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("real English: pieces, seconds, taken for others; processor seconds: language, words")
        for label, sound, turns in real():
            found, spoken, finding, hearing = heard(ear, sound, turns, folder)
            seconds = sum(piece.end - piece.start for piece in spoken)
            wrong = [(round(p.end - p.start, 1), x) for p, x in zip(spoken, found, strict=True) if x != "en"]
            print(
                f"  {label:<16}{len(spoken):4}{seconds:8.1f}  {wrong or 'none'}  {finding:.2f} {hearing:.2f}"
            )
        ambience = mono(DATA / "scene/ambient.flac")
        whole, right, short, right_short = 0, 0, 0, 0
        for one, other in itertools.combinations(SAID, 2):
            sound, turns, truth = dialogue(one, other, ambience, folder)
            with_silence = [(t, x) for t, x in zip(turns, truth, strict=True)]
            found, spoken, *_ = heard(ear, sound, turns, folder)
            for (turn, language), piece, got in zip(with_silence, spoken, found, strict=True):
                assert turn.start == piece.start
                if turn.end - turn.start >= 1.5:
                    whole, right = whole + 1, right + (got == language)
                else:
                    short, right_short = short + 1, right_short + (got == language)
            if list(found) != truth:
                print(f"  {one}+{other}: {' '.join(found)}")
        print(
            f"made dialogues: {right} of {whole} turns from 1.5 s on, {right_short} of {short} shorter ones"
        )


if __name__ == "__main__":
    main()
