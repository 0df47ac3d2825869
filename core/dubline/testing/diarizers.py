"""What every diarizer promises."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dubline.backends.choosing import options_of
from dubline.backends.contract import Diarization
from dubline.errors import Cancelled
from dubline.media.speech import RATE, Speech, prepare_speech
from dubline.report import silent
from dubline.testing.promises import GENERAL, Promises, Subject, cancellation, check, hold, refusal
from dubline.testing.sounds import babble, speech_of
from dubline.values.media import Sound
from dubline.values.transcript import Turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

HOURS, MOST_BYTES = 10, 48_000_000
WRONG: tuple[dict[str, Any], ...] = (
    {"speakers": 0},
    {"min_speakers": 3, "max_speakers": 2},
    {"speakers": 2, "max_speakers": 3},
)
"""Numbers of speakers that cannot be."""


def check_diarizer(
    cls: Any, *, options: Mapping[str, Any] | None = None, sound: Samples | None = None
) -> None:
    """Try every promise of a diarizer that is loaded with these options.

    `sound`: eight seconds of speech at 16 kHz or more, (n,) float32; without it, a voice that babbles.

    Raises:
        AssertionError: one is broken.
    """
    check(DIARIZER_PROMISES, cls, options, sound)


def _sample(subject: Subject, start: float, end: float) -> Samples:
    given = babble(8.0) if subject.sample is None else subject.sample
    cut: Samples = given[round(start * RATE) : round(end * RATE)].astype("float32")
    return cut


def _contract(found: Diarization, duration: float) -> None:
    """Everything that the contract says about a result."""
    import numpy as np

    for turns in (found.turns, found.exclusive):
        hold(
            list(turns) == sorted(turns, key=lambda t: (t.start, t.end, t.speaker)), "turns are out of order"
        )
        for turn in turns:
            hold(isinstance(turn, Turn), f"{turn!r} is no Turn")
            hold(0 <= turn.start < turn.end <= duration + 1e-6, f"{turn} lies outside of {duration:.3f} s")
    speakers = {turn.speaker for turn in found.turns}
    for speaker in speakers:
        own = [turn for turn in found.turns if turn.speaker == speaker]
        hold(all(a.end <= b.start for a, b in pairwise(own)), f"{speaker} speaks twice at once")
    alone = all(a.end <= b.start + 1e-9 for a, b in pairwise(found.exclusive))
    hold(alone, "exclusive turns overlap")
    hold({t.speaker for t in found.exclusive} <= speakers, "a speaker has exclusive turns only")
    hold(set(found.embeddings) <= speakers, "a vector belongs to nobody who speaks")
    hold(len({len(v) for v in found.embeddings.values()}) <= 1, "vectors are of several lengths")
    for speaker, vector in found.embeddings.items():
        norm = float(np.linalg.norm(vector))
        hold(abs(norm - 1) <= 1e-4, f"the vector of {speaker} is {norm:.4f} long, not 1")
    hold(bool(found.embedding) or not found.embeddings, "there are vectors, and no name for their kind")


def _turns(subject: Subject) -> None:
    with speech_of(_sample(subject, 0, 6.3), subject.folder) as speech:
        found = subject.opened.diarize(speech, silent)
        again = subject.opened.diarize(speech, silent)
    hold(bool(found.turns), "it hears nobody, so nothing is proved: give the check a `sound` with speech")
    _contract(found, speech.duration)
    hold(found == again, "the same sound gives another result")


def _long(subject: Subject) -> None:
    import numpy as np

    sound = np.zeros(61 * RATE, np.float32)
    for number, at in enumerate((1, 27, 57)):  # most of it is silent, so that it is quick
        piece = _sample(subject, 2 * number, 2 * number + 4)
        sound[at * RATE : at * RATE + len(piece)] = piece
    with speech_of(sound, subject.folder) as speech:
        _contract(subject.opened.diarize(speech, silent), speech.duration)


def _short(subject: Subject) -> None:
    for samples in (0, 1, 300, RATE // 10):
        with speech_of(_sample(subject, 0, 1)[:samples], subject.folder) as speech:
            _contract(subject.opened.diarize(speech, silent), speech.duration)


def _silence(subject: Subject) -> None:
    import numpy as np

    for samples in (0, 5 * RATE):
        with speech_of(np.zeros(samples, np.float32), subject.folder) as speech:
            found = subject.opened.diarize(speech, silent)
        nothing = (found.turns, found.exclusive, found.embeddings) == ((), (), {})
        hold(nothing, f"somebody speaks in {samples} samples of silence")


def _formats(subject: Subject) -> None:
    import numpy as np
    import soundfile
    import soxr

    for rate, channels in ((8000, 1), (48000, 2)):
        one = soxr.resample(_sample(subject, 0, 3), RATE, rate)
        file = subject.folder / f"{rate}.wav"
        soundfile.write(file, np.stack([one] * channels, axis=1), rate, subtype="FLOAT")
        sound = Sound(path=str(file), rate=rate, channels=channels, frames=len(one))
        with prepare_speech(file, sound, subject.folder / f"{rate}.f32") as speech:
            _contract(subject.opened.diarize(speech, silent), speech.duration)


def _vectors(subject: Subject) -> None:
    import numpy as np

    sound = np.concatenate([_sample(subject, 0, 4), np.zeros(4 * RATE, np.float32)])
    embed = subject.opened.embed
    with speech_of(sound, subject.folder) as speech:
        whole = embed(speech, [(0.0, 4.0)])
        if not subject.opened.embedding:
            return hold(whole == (), "it has vectors, and no name for their kind")
        norm = float(np.linalg.norm(whole))
        hold(abs(norm - 1) <= 1e-6, f"the vector is {norm:.6f} long, not 1")
        hold(whole == embed(speech, [(0.0, 4.0)]), "the same spans give another vector")
        parts = embed(speech, [(0.0, 1.3), (1.3, 2.0), (2.0, 4.0)])
        hold(
            abs(float(np.dot(whole, parts)) - 1) <= 1e-6, "spans in a row give another vector than the whole"
        )
        hold(bool(embed(speech, [(3.0, 4.0), (7.9, 99.0)])), "spans outside of the sound count")
        for spans in ([], [(1.0, 1.2)], [(5.0, 8.0)], [(9.0, 12.0)], [(0.0, 0.2), (1.0, 1.2)]):
            hold(
                embed(speech, spans) == (), f"there is a vector for {spans}, which hold no speech to tell by"
            )
        found = subject.opened.diarize(speech, silent)
    hold(found.embedding == subject.opened.embedding, "a result has vectors of another kind than `embed`")
    sizes = {len(vector) for vector in found.embeddings.values()}
    hold(sizes <= {len(whole)}, f"a result's vectors have {sizes} numbers, those of `embed` {len(whole)}")


def _progress(subject: Subject) -> None:
    counts: list[tuple[float, float]] = []
    with speech_of(_sample(subject, 0, 3), subject.folder) as speech:
        subject.opened.diarize(speech, lambda done, total: counts.append((done, total)))
    hold(len(counts) > 2, f"it is told {len(counts)} times only")
    hold(all(abs(total - 3) < 1e-3 for _, total in counts), f"the total is not 3 s: {counts}")
    hold(counts == sorted(counts) and abs(counts[-1][0] - 3) < 1e-3, f"it does not grow to 3 s: {counts}")


def _stop(subject: Subject) -> None:
    def stop(done: float, total: float) -> None:
        raise Cancelled("stopped")

    with speech_of(_sample(subject, 0, 3), subject.folder) as speech, cancellation():
        subject.opened.diarize(speech, stop)


def _memory(subject: Subject) -> None:
    file = subject.folder / "long.f32"
    with file.open("wb") as raw:
        raw.truncate(HOURS * 3600 * RATE * 4)  # a hole: it takes no disk and reads as zeros
    with Speech(file) as speech:
        tracemalloc.start()
        try:
            found = subject.opened.diarize(speech, silent)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    hold(found.turns == (), "somebody speaks in silence")
    hold(peak < MOST_BYTES, f"{HOURS} hours take {peak / 1e6:.0f} MB")


def _refusals(subject: Subject) -> None:
    fields = subject.cls.Options.__struct_fields__
    wrong = [*WRONG, *(w for w in ({"window": 0.01}, {"link": 1.5}) if next(iter(w)) in fields)]
    for given in wrong:
        with refusal(str(given)):
            subject.cls(options_of(subject.cls, {**subject.options, **given}))


def _bounds(subject: Subject) -> None:
    for count in (1, 2):
        options = options_of(subject.cls, {**subject.options, "max_speakers": count})
        with (
            subject.cls(options) as diarizer,
            speech_of(_sample(subject, 0, 4), subject.folder) as speech,
        ):
            found = diarizer.diarize(speech, silent)
        _contract(found, speech.duration)
        heard = len({turn.speaker for turn in found.turns})
        hold(heard <= count, f"of at most {count} it hears {heard}")


DIARIZER_PROMISES: Promises = {
    **GENERAL,
    "turns lie in order inside the sound": _turns,
    "a long sound is one result": _long,
    "almost no sound does no harm": _short,
    "nobody speaks in silence": _silence,
    "sounds of other rates and channels are heard": _formats,
    "a voice has one vector": _vectors,
    "progress grows to the end": _progress,
    "it stops when it is told to": _stop,
    "hours of silence take little memory": _memory,
    "impossible options are refused with advice": _refusals,
    "there are no more speakers than allowed": _bounds,
}
