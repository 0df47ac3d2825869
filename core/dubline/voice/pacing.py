"""How long a voice takes for a programme's own lines, heard before the dub: the step `pace`.

    first draft of the translation -> its texts, spoken once at the voice's own pace -> lengths -> a model

The texts are the programme's, in its own language and manner, so that nothing has to be invented for a
hundred languages. The sounds are not kept, only their lengths, one line of JSON each, in
memory/lengths-KEY.jsonl: a run that was stopped goes on, and a later one speaks new texts only.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from dubline.backends.backend import Sought
from dubline.backends.choosing import settle
from dubline.errors import BackendFailed, InvalidJob
from dubline.files import full_disk_is_told
from dubline.fit.durations import DurationModel, default_model
from dubline.run import Work, step
from dubline.values.base import Choice, ModelIdentity, Value, key_of
from dubline.values.layout import Layout
from dubline.values.sealed import line_value, sealed_line
from dubline.voice.calibration import voice_models
from dubline.voice.casting import full_name
from dubline.voice.fitting import usable
from dubline.voice.settling import DEAF, lasting, open_voice


class PaceJob(Value, frozen=True):
    """Which voice, its name in the back end, the language that it speaks, and the model that it is."""

    voice: Choice
    language: str
    name: str
    models: tuple[ModelIdentity, ...] = ()


class VoicePace(Value, frozen=True):
    """`voice`: its full name; `lengths`: text -> seconds at its own pace, without silence at the ends."""

    voice: str
    language: str
    lengths: dict[str, float]

    def model(self) -> DurationModel:
        """The voice's `DurationModel`; its basis says whose pace it is, and from how many takes."""
        return voice_models(self.language, {self.voice: self.lengths})[self.voice]


def pace_job(voice: str, language: str, options: dict[str, Any] | None = None) -> PaceJob:
    """The job of a voice as a person names it: "espeak-ng:en+m3", "espeak-ng" for its first one, or "auto".
    The voice is opened once, so that a wrong name is told before the work and not after it.

    Raises:
        BackendMissing, WeightsError: it cannot be used here, or auto finds none for the language.
        InvalidJob: an option is wrong, or the back end has no such voice.
    """
    backend, _, name = voice.partition(":")
    options = dict(options or {})
    sought = Sought(model=str(options.pop("model", "")), language=language)
    choice = settle("voice", backend, sought, options=options).choice
    with open_voice(choice, language) as speaker:
        names = [info.name for info in speaker.voices()]
        name = name or (names[0] if names else "")
        if not speaker.knows(name):
            raise InvalidJob(
                f"there is no voice {choice.backend}:{name}",
                hint=f"{choice.backend} has {', '.join(names[:8]) or 'none that it lists'}.",
            )
        return PaceJob(voice=choice, language=language, name=name, models=tuple(speaker.identities))


@step("pace", version=1)
def hear_pace(work: Work, texts: tuple[str, ...], job: PaceJob) -> VoicePace:
    """Have a voice speak plain texts, and measure how long it takes. A text that it cannot speak is left out.

    Raises:
        BackendMissing, WeightsError, InvalidJob: the voice cannot be used as asked.
        BackendFailed: eight texts in a row failed alike, or none could be spoken.
        StorageFull, Cancelled.
    """
    choice = job.voice
    model = default_model(job.language)
    with open_voice(choice, job.language) as voice:
        key = key_of(choice.backend, lasting(choice), voice.identities, job.language, job.name)
        kept = _Lengths(Layout(work.root).memory / f"lengths-{key}.jsonl")
        lengths: dict[str, float] = {}
        alike: list[str] = []
        for number, text in enumerate(texts):
            work.report(number, len(texts))
            seconds = kept.known.get(text)
            if seconds is None:
                try:
                    spoken = voice.speak(
                        text, job.name, speed=1.0, pitch=1.0, tick=lambda n=number: work.report(n, len(texts))
                    )
                    take = usable(spoken, model.seconds(text))
                except BackendFailed as error:
                    alike = [*alike, str(error)] if alike[-1:] == [str(error)] else [str(error)]
                    if len(alike) >= DEAF:
                        raise BackendFailed(
                            f"{DEAF} lines in a row could not be spoken: {error}", hint=error.hint
                        ) from None
                    continue
                seconds = round(take.sound.shape[1] / take.rate, 3)
                kept.add(text, seconds)
            alike.clear()
            lengths[text] = seconds
        work.report(len(texts), len(texts))
    if texts and not lengths:
        raise BackendFailed(
            f"none of {len(texts)} lines could be spoken by {choice.backend}:{job.name}",
            hint="Try the voice by hand, or leave out --voice.",
        )
    full = full_name(job.name, [choice.backend], choice.backend)
    work.facts.update({"voice": full, "spoken": len(lengths), "failed": len(texts) - len(lengths)})
    return VoicePace(voice=full, language=job.language, lengths=lengths)


class _Length(Value, frozen=True):
    text: str
    seconds: float


class _Lengths:
    """Lengths of one voice's takes, in a file that grows; a line that is damaged is spoken again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known: dict[str, float] = {}
        self._torn = False
        if path.exists():
            with path.open("rb") as file:
                for line in file:
                    self._torn = not line.endswith(b"\n")
                    kept = line_value(line, _Length)
                    if kept and 0 < kept.seconds < math.inf:
                        self.known[kept.text] = kept.seconds

    def add(self, text: str, seconds: float) -> None:
        with full_disk_is_told(self._path.parent.parent):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write((b"\n" if self._torn else b"") + sealed_line(_Length(text=text, seconds=seconds)))
        self._torn = False
        self.known[text] = seconds
