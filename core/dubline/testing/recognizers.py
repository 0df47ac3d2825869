"""What every recognizer promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dubline.backends.choosing import options_of
from dubline.backends.contract import Heard, Stretch
from dubline.errors import Cancelled
from dubline.media.speech import RATE, Speech
from dubline.report import silent
from dubline.testing.promises import GENERAL, Promises, Subject, cancellation, check, hold, refusal
from dubline.testing.sounds import babble, speech_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

WHOLE = Stretch(start=0.5, end=2.25)
STRETCHES = (WHOLE, Stretch(start=5.0, end=6.0), Stretch(start=6.0, end=7.5))
SILENT, HUSH, BEYOND = STRETCHES[1], Stretch(start=9.5, end=12.5), Stretch(start=20.0, end=25.0)
NO_SPEECH = 0.6


def check_recognizer(
    cls: Any, *, options: Mapping[str, Any] | None = None, sound: Samples | None = None
) -> None:
    """Try every promise of a recognizer that is loaded with these options.

    `sound`: eight seconds of speech at 16 kHz or more, (n,) float32; without it, a voice that babbles.

    Raises:
        AssertionError: one is broken.
    """
    check(RECOGNIZER_PROMISES, cls, options, sound)


@contextmanager
def _speech(subject: Subject) -> Iterator[Speech]:
    """Five seconds of speech, one of digital silence, three of speech, four of nearly silence (-66 dBFS)."""
    import numpy as np

    given = babble(8.0) if subject.sample is None else subject.sample
    hush = 5e-4 * np.random.default_rng(1).normal(size=4 * RATE)
    parts = [given[: 5 * RATE], np.zeros(RATE), given[5 * RATE : 8 * RATE], hush]
    with speech_of(np.concatenate(parts).astype(np.float32), subject.folder) as speech:
        yield speech


def _heard(subject: Subject, speech: Speech, *stretches: Stretch) -> list[Heard]:
    answers = list(subject.opened.recognize(speech, stretches, silent))
    hold(len(answers) == len(stretches), f"{len(stretches)} stretches have {len(answers)} answers")
    return answers


def _confidence(subject: Subject) -> None:
    hold(subject.cls.confidence.endswith("."), f"{subject.cls.confidence!r} is no sentence")


def _words(subject: Subject) -> None:
    with _speech(subject) as speech:
        answers = _heard(subject, speech, *STRETCHES)
    for stretch, answer in zip(STRETCHES, answers, strict=True):
        times = [t for word in answer.words for t in (word.start, word.end) if t is not None]
        hold(times == sorted(times), f"words are out of order: {times}")
        inside = all(stretch.start <= time <= stretch.end for time in times)
        hold(inside, f"words lie outside of {stretch.start} to {stretch.end} s: {times}")
        hold(all(word.text.strip() for word in answer.words), "a word is empty")
        chances = [word.confidence for word in answer.words if word.confidence is not None]
        hold(all(0 <= chance <= 1 for chance in chances), f"confidence is no chance: {chances}")
        hold(answer.no_speech is None or 0 <= answer.no_speech <= 1, f"no_speech is {answer.no_speech}")


def _silence(subject: Subject) -> None:
    with _speech(subject) as speech:
        digital, hush, beyond = _heard(subject, speech, SILENT, HUSH, BEYOND)
    hold(digital.words == beyond.words == (), "there are words in digital silence or after the end")
    believed = hush.words and (hush.no_speech or 0) <= NO_SPEECH
    hold(not believed, "there are words in what is nearly silence, and it does not doubt them")


def _little(subject: Subject) -> None:
    end = 2.0 + 1 / RATE
    with _speech(subject) as speech:
        _heard(subject, speech)
        nothing, one = _heard(subject, speech, Stretch(start=2.0, end=2.0), Stretch(start=2.0, end=end))
    hold(nothing.words == (), "there are words in no time")
    times = [t for word in one.words for t in (word.start, word.end) if t is not None]
    hold(all(2.0 <= time <= end for time in times), f"words of a single sample lie outside of it: {times}")


def _alone(subject: Subject) -> None:
    with _speech(subject) as speech:
        (alone,) = _heard(subject, speech, WHOLE)
        after = _heard(subject, speech, STRETCHES[2], WHOLE)[1]
    hold(after == alone, f"alone it is {alone}, after another stretch {after}")


def _stop(subject: Subject) -> None:
    counts: list[float] = []

    def report(done: float, total: float) -> None:
        counts.append(done)
        if done > 0:
            raise Cancelled("stopped")

    with _speech(subject) as speech:
        answers = subject.opened.recognize(speech, STRETCHES, report)
        next(answers)
        with cancellation():
            next(answers)
    hold(len(counts) == 2 and counts[0] == 0, f"it counts {counts}, not from 0 before each stretch")


def _progress(subject: Subject) -> None:
    counts: list[tuple[float, float]] = []
    with _speech(subject) as speech:
        given = STRETCHES[1:]
        list(subject.opened.recognize(speech, given, lambda done, total: counts.append((done, total))))
    ends = abs(counts[-1][0] - 2.5) < 1e-6 and all(abs(total - 2.5) < 1e-6 for _, total in counts)
    hold(counts == sorted(counts) and counts[0][0] == 0 and ends, f"of 2.5 s it counts {counts}")


def _refusals(subject: Subject) -> None:
    with _speech(subject) as speech:
        for start, end in ((0.0, 30.1), (3.0, 2.0), (-1.0, 2.0), (0.0, float("nan"))):
            with refusal(f"a stretch from {start} to {end} s"):
                _heard(subject, speech, Stretch(start=start, end=end))


def _language(subject: Subject) -> None:
    with refusal("the language 'xx'"):
        subject.cls(options_of(subject.cls, {**subject.options, "language": "xx"}))


def _detected(subject: Subject) -> None:
    """Only of a recognizer that tells languages without recognising (`DetectingRecognizer`)."""
    if not hasattr(subject.opened, "detect"):
        return
    with _speech(subject) as speech:
        chances = subject.opened.detect(speech, WHOLE)
        subject.opened.detect(speech, STRETCHES[2])
        again = subject.opened.detect(speech, WHOLE)
        nothing = [subject.opened.detect(speech, stretch) for stretch in (SILENT, BEYOND)]
        best = max(chances, key=chances.__getitem__, default="")
        told = _heard(subject, speech, Stretch(start=WHOLE.start, end=WHOLE.end, language=best))[0]
    sound = all(0 <= chance <= 1 for chance in chances.values()) and sum(chances.values()) <= 1.001
    hold(bool(chances) and sound, f"it hears languages by chances that are none: {chances}")
    hold(again == chances, "it hears another language after another stretch")
    hold(not any(nothing), "it hears a language in digital silence or after the end")
    hold(told.language in (best, subject.options.get("language")), f"told {best}, it heard {told.language}")


def _given(subject: Subject) -> None:
    import numpy as np

    with _speech(subject) as speech:
        before = speech.read(0, speech.frames)
        _heard(subject, speech, WHOLE)
        hold(np.array_equal(speech.read(0, speech.frames), before), "the sound has changed")


RECOGNIZER_PROMISES: Promises = {
    **GENERAL,
    "it says what a confidence means": _confidence,
    "words lie in order inside their stretch": _words,
    "there are no words in silence": _silence,
    "no time and a single sample do no harm": _little,
    "a stretch is heard alike whatever came before": _alone,
    "it stops between two stretches when it is told to": _stop,
    "progress grows to the end": _progress,
    "impossible stretches are refused with advice": _refusals,
    "an unknown language is refused with advice": _language,
    "what it says of languages are chances, and it hears the one it is told": _detected,
    "the sound it is given stays as it is": _given,
}
