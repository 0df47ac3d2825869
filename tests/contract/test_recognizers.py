"""What every recognizer must do, whatever is inside. A new one is added to `RECOGNIZERS`."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_whisper as tiny
from tiny_whisper_folder import tiny_whisper

from dubline.backends.contract import Heard, Stretch
from dubline.backends.recognizers.faster_whisper import FasterWhisper
from dubline.backends.recognizers.pocketsphinx import Pocketsphinx
from dubline.backends.recognizers.transformers import TransformersWhisper
from dubline.errors import Cancelled, InvalidJob
from dubline.media.sound import FloatFile
from dubline.media.speech import Speech

RECOGNIZERS: dict[str, tuple[Any, Callable[[], dict[str, Any]]]] = {
    "faster-whisper": (
        FasterWhisper,
        lambda: {"model": str(tiny_whisper() / "ct2"), "device": "cpu", "precision": "float32", "threads": 1},
    ),
    "transformers": (
        TransformersWhisper,
        lambda: {"model": str(tiny_whisper() / "hf"), "device": "cpu", "threads": 1},
    ),
    "pocketsphinx": (Pocketsphinx, dict),
}
WHOLE = Stretch(start=0.5, end=2.25)
STRETCHES = (WHOLE, Stretch(start=5.0, end=6.0), Stretch(start=6.0, end=7.5))


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speech]:
    """0..5 s one voice, a second of digital silence, 6..9 s another voice, 9..13 s nearly silence."""
    path = tmp_path_factory.mktemp("speech") / "speech.raw"
    parts = [tiny.voice(tiny.TURKISH, 5), np.zeros(tiny.RATE, np.float32), tiny.voice(tiny.ENGLISH, 3)]
    with FloatFile(path, 1) as file:
        file.append(np.concatenate([*parts, tiny.hush(4)])[None])
    with Speech(path) as opened:
        yield opened


@pytest.fixture(scope="module", params=RECOGNIZERS)
def recognizer(request: pytest.FixtureRequest) -> Iterator[Any]:
    cls, options = RECOGNIZERS[request.param]
    missing = [name for name in cls.requires if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    with cls(cls.Options(**options())) as opened:
        yield opened


def heard(recognizer: Any, speech: Speech, *stretches: Stretch) -> list[Heard]:
    return list(recognizer.recognize(speech, stretches, lambda done, total: None))


def test_it_says_what_it_is(recognizer: Any) -> None:
    assert recognizer.confidence.endswith(".") and recognizer.notes
    (identity,) = recognizer.identities
    assert identity.files and len(identity.files) == len(identity.sha256)
    assert all(len(digest) == 64 for digest in identity.sha256)


def test_one_answer_for_each_stretch_with_words_in_order_and_inside(recognizer: Any, speech: Speech) -> None:
    answers = heard(recognizer, speech, *STRETCHES)
    assert len(answers) == len(STRETCHES)
    for stretch, answer in zip(STRETCHES, answers, strict=True):
        times = [time for word in answer.words for time in (word.start, word.end)]
        assert all(word.text.strip() for word in answer.words)
        assert None not in times
        assert times == sorted(times)  # type: ignore[type-var]
        assert all(stretch.start <= time <= stretch.end for time in times if time is not None)
        assert all(w.confidence is not None and 0 <= w.confidence <= 1 for w in answer.words)
        assert answer.no_speech is None or 0 <= answer.no_speech <= 1


def test_silence_gives_no_words(recognizer: Any, speech: Speech) -> None:
    digital, hush, beyond = heard(
        recognizer, speech, STRETCHES[1], Stretch(start=9.5, end=12.5), Stretch(start=20.0, end=25.0)
    )
    assert digital.words == beyond.words == ()
    assert hush.words == () or (hush.no_speech or 0) > 0.6


def test_nothing_and_a_single_sample(recognizer: Any, speech: Speech) -> None:
    assert heard(recognizer, speech) == []
    nothing, one = heard(
        recognizer, speech, Stretch(start=2.0, end=2.0), Stretch(start=2.0, end=2.0 + 1 / 16000)
    )
    assert nothing.words == ()
    assert all(2.0 <= (w.start or 0) <= (w.end or 0) <= 2.0 + 1 / 16000 for w in one.words)


def test_the_same_sound_gives_the_same_words_whatever_came_before(recognizer: Any, speech: Speech) -> None:
    (alone,) = heard(recognizer, speech, WHOLE)
    assert heard(recognizer, speech, STRETCHES[2], WHOLE)[1] == alone


def test_cancelled_between_stretches(recognizer: Any, speech: Speech) -> None:
    ticks: list[float] = []

    def report(done: float, total: float) -> None:
        ticks.append(done)
        assert total == pytest.approx(1.75 + 1 + 1.5)
        if done > 0:
            raise Cancelled("stopped")

    answers = recognizer.recognize(speech, STRETCHES, report)
    next(answers)
    with pytest.raises(Cancelled):
        next(answers)
    assert ticks == pytest.approx([0, 1.75])


def test_progress_reaches_the_end(recognizer: Any, speech: Speech) -> None:
    ticks: list[tuple[float, float]] = []
    list(recognizer.recognize(speech, STRETCHES[1:], lambda done, total: ticks.append((done, total))))
    assert ticks[0][0] == 0 and ticks[-1][0] == ticks[-1][1] == pytest.approx(2.5)
    assert ticks == sorted(ticks)


@pytest.mark.parametrize("start, end", [(0.0, 30.1), (3.0, 2.0), (-1.0, 2.0), (0.0, float("nan"))])
def test_impossible_stretches_are_refused(recognizer: Any, speech: Speech, start: float, end: float) -> None:
    with pytest.raises(InvalidJob) as error:
        heard(recognizer, speech, Stretch(start=start, end=end))
    assert error.value.hint


def test_an_unknown_language_is_refused_with_advice(recognizer: Any) -> None:
    cls = type(recognizer)
    options = next(make() for kind, make in RECOGNIZERS.values() if kind is cls)
    with pytest.raises(InvalidJob) as error:
        cls(cls.Options(**options, language="xx"))
    assert error.value.hint


def test_sources_are_only_read(recognizer: Any, speech: Speech, tmp_path: Path) -> None:
    before = speech.read(0, speech.frames)
    heard(recognizer, speech, WHOLE)
    assert np.array_equal(speech.read(0, speech.frames), before)
