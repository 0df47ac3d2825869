"""The step that makes the takes: every translated line spoken by its speaker's voice, in its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from msgspec import structs

from dubline.backends.contract import Reference, Spoken, VoiceInfo
from dubline.errors import BackendFailed, InvalidJob
from dubline.files import link, remove_tree
from dubline.fit.durations import default_model
from dubline.fit.isochrony import FitRules, rooms
from dubline.language.markup import spoken_text
from dubline.run import Work, step
from dubline.timebase import seconds_to_samples
from dubline.values.base import Choice, Value, key_of
from dubline.values.dubbed import CastVoice, Take, Takes
from dubline.values.layout import Layout
from dubline.values.transcript import Speaker
from dubline.values.translated import TranslatedSegment, Translation
from dubline.voice.casting import Role, cast_speakers, full_name, parted, role_of
from dubline.voice.fitting import fitted
from dubline.voice.kept import KeptTake, KeptTakes
from dubline.voice.references import References
from dubline.voice.schedule import CUT, LATE, Schedule, within
from dubline.voice.settling import DEAF, clones, lasting, open_voice
from dubline.voice.sharing import actor_gender, told_genders, told_sharing
from dubline.weights.files import licence_notice

LOUDEST = 12.0  # dB: how far a line's level may lie from its speaker's median
_SILENCE = 30.0  # seconds after a segment in which to look for the next cue
_TAKES = 1  # raised when a take would come out otherwise than before
_SHIFT = "overlap-add"  # how a take's pitch is changed


class VoiceJob(Value, frozen=True):
    """Which voice, and how its takes are to be.

    `others`: back ends besides `voice` that the cast file names, with their options. `rate`: the programme's
    sample rate. `frame_rate`: "24000/1001"; "" is 25. `cast`: a speaker's name or id -> role, `pitches`: a
    speaker's id -> Hz, `earlier`: name or id -> the voice in another run. `attempt`: raised to try lines
    again that failed; the others are kept. `standing`: takes that stay, whatever the voice is now; they are
    only placed. `only`: speak these lines, and leave those silent that are neither among them nor standing;
    `again`: even where a take is kept.
    `references`: cuts of the speakers' own voices, for voices that clone (see `references.references`).
    """

    voice: Choice
    others: tuple[Choice, ...] = ()
    rate: int = 48000
    frame_rate: str = ""
    fit: FitRules = FitRules()
    cast: dict[str, Role] = {}
    pitches: dict[str, float] = {}
    earlier: dict[str, CastVoice] = {}
    attempt: int = 0
    standing: tuple[Take, ...] = ()
    only: tuple[int, ...] = ()
    again: bool = False
    references: References = References()


@step("speak", version=3, resumable=True)
def speak(work: Work, translation: Translation, job: VoiceJob) -> Takes:
    """Speak a translation: one take for each of its segments, in their order.

    Every take is kept in the run folder as it is made, by its text, voice and time: a run that was stopped
    goes on, and after an edit only what changed is spoken. A line that cannot be spoken fails by itself.

    Raises:
        BackendMissing, WeightsError, InvalidJob: a voice cannot be used as asked.
        BackendFailed: no line at all could be spoken.
        StorageFull: the disk is full; what was made is kept.
        Cancelled: the report asked to stop.
    """
    _check(job)
    for reason in work.hints.get("reasons", ()):
        work.note(reason)
    texts = [spoken_text(segment) for segment in translation.segments]
    model = default_model(translation.target_language)
    lengths = [model.seconds(text) for text in texts]
    speaking = {s.speaker for s, length in zip(translation.segments, lengths, strict=True) if length}
    with ExitStack() as stack:
        voices = {
            choice.backend: stack.enter_context(open_voice(choice, translation.target_language))
            for choice in (job.voice, *job.others)
        }
        cast, remarks = _cast(work, translation, job, voices, speaking)
        for voice in voices.values():
            for note in filter(None, (*voice.notes, *map(licence_notice, voice.identities))):
                work.note(note)
        for remark in remarks:
            work.note(remark, warn=True)
        maker = _Maker(work, translation, job, voices, cast)
        takes = tuple(
            maker.take(number, segment, text, length)
            for number, (segment, text, length) in enumerate(
                zip(translation.segments, texts, lengths, strict=True)
            )
        )
        takes = within(takes, translation.segments, maker.frames)
        work.report(len(takes), len(takes))
        models = tuple(identity for voice in voices.values() for identity in voice.identities)
    _summary(work, takes, maker.made)
    return Takes(
        language=translation.target_language,
        takes=takes,
        cast=cast,
        models=models,
        notes=tuple(work.notes),
    )


class _Maker:
    """Makes the takes of one programme, in order."""

    def __init__(
        self,
        work: Work,
        translation: Translation,
        job: VoiceJob,
        voices: Mapping[str, Any],
        cast: Sequence[CastVoice],
    ) -> None:
        self._work, self._job, self._voices = work, job, voices
        self._cast = {voice.speaker: voice for voice in cast}
        self._options = {choice.backend: lasting(choice) for choice in (job.voice, *job.others)}
        self._identity = {choice.backend: choice.identity for choice in (job.voice, *job.others)}
        self._clones = {choice.backend: clones(choice) for choice in (job.voice, *job.others)}
        self._kept = KeptTakes(Layout(work.root).memory / "takes")
        self._standing = {take.id: take for take in job.standing}
        self.frames = seconds_to_samples(translation.duration, job.rate)
        self._schedule = Schedule(job.rate, self.frames)
        self._silences = rooms(
            translation.segments,
            rate=job.frame_rate,
            duration=translation.duration,
            most=_SILENCE,
            gap=job.fit.gap,
        )
        self._total = len(translation.segments)
        self._language = translation.target_language
        self._folder = work.folder / "takes"
        # A stopped run may have left takes that are not wanted any more.
        remove_tree(self._folder)
        self._folder.mkdir(parents=True)
        self._alike: dict[str, tuple[str, int]] = {}  # back end -> how it failed last, and how often in a row
        self._gone: dict[str, str] = {}
        self.made = 0

    def take(self, number: int, segment: TranslatedSegment, text: str, expected: float) -> Take:
        """The take of a segment; `expected` seconds, 0 where there is nothing to say."""
        self._work.report(number, self._total)
        if segment.id in self._standing:
            return self._stands(self._standing[segment.id], segment)
        slot = round(segment.end - segment.start, 6)
        passed = bool(self._job.only) and segment.id not in self._job.only
        rate = self._job.rate
        start = round(segment.start * rate)
        blank = Take(
            id=segment.id, speaker=segment.speaker, state="silent", rate=rate, start=start, slot=slot
        )
        if not expected or passed:
            reasons = () if segment.state in ("translated", "silent") else ("there is no translation",)
            if passed and not reasons:
                reasons = ("it was not asked for",)
            return structs.replace(blank, reasons=reasons)
        role, blank = self._cast[segment.speaker], structs.replace(blank, state="failed", text=text)
        earliest = self._schedule.earliest(segment, segment.speaker)
        late = max(0, earliest - start)
        left = max(0.0, round(slot - late / rate, 6))
        # What a line lost at its beginning it may take of the silence after it, beyond what it may borrow.
        past = max(0.0, late / rate - slot)
        room = max(0.0, round(min(self._silences[number], self._job.fit.most + late / rate) - past, 3))
        backend, voice = parted(role.voice)
        reference = self._reference(backend, segment.speaker)
        if isinstance(reference, str):
            return structs.replace(blank, reasons=(reference,))
        key = key_of(
            _TAKES, backend, self._options[backend], self._voices[backend].identities,
            self._identity[backend], self._language, text, voice, role.pitch, left, room, self._job.fit, rate,
            *((reference.sha256, reference.text) if reference else ()),
            *((_SHIFT,) if role.pitch != 1.0 and not self._voices[backend].pitches else ()),
        )  # fmt: skip
        anew = self._job.again and segment.id in self._job.only
        known = None if anew else self._kept.get(key)
        if known is None:
            if backend in self._gone:
                return structs.replace(blank, reasons=(self._gone[backend],))
            try:
                known = self._made(key, text, role, (left, room), expected, number, reference)
            except BackendFailed as error:
                self._failed(backend, error)
                return structs.replace(blank, reasons=(str(error),))
            self._alike.pop(backend, None)
        name = f"{segment.id:05d}.wav"
        link(self._kept.sound(key), self._folder / name)
        start = self._schedule.place(segment, segment.speaker, known.frames)
        return structs.replace(
            blank,
            state="too_long" if known.status == "too_long" else "spoken",
            path=self._work.result(f"takes/{name}"),
            frames=known.frames,
            start=start,
            natural=known.natural,
            borrowed=known.borrowed,
            speed=known.speed,
            stretch=known.stretch,
            gain_db=_gain(segment),
            reasons=self._reasons(known, segment, start, left),
            retaken=anew,
            fingerprint=known.fingerprint,
        )

    def _stands(self, take: Take, segment: TranslatedSegment) -> Take:
        """A take from before in its place now."""
        if not take.path:
            return take
        name = f"{take.id:05d}.wav"
        link(self._work.open(take.path), self._folder / name)
        start = self._schedule.place(segment, segment.speaker, take.frames)
        reasons = tuple(reason for reason in take.reasons if CUT not in reason)
        return structs.replace(
            take, path=self._work.result(f"takes/{name}"), start=start, reasons=reasons, lost=0.0
        )

    def _reference(self, backend: str, speaker: str) -> Reference | str | None:
        """What a voice that clones is given; why there is none; None where it takes none."""
        if not self._clones[backend]:
            return None
        found = self._job.references
        if speaker not in found.cuts:
            return f"cannot be cloned: {found.missing.get(speaker, 'there is no cut of this voice')}"
        cut = found.cuts[speaker]
        return structs.replace(cut, path=str(self._work.open(cut.path).absolute()))

    def _made(
        self,
        key: str,
        text: str,
        role: CastVoice,
        time: tuple[float, float],
        expected: float,
        number: int,
        reference: Reference | None,
    ) -> KeptTake:
        """A take made and kept; `time` is the slot and the silence after it, in seconds."""
        backend, voice = parted(role.voice)
        speaker = self._voices[backend]
        also = {"reference": reference} if reference is not None else {}

        def say(speed: float) -> Spoken:
            spoken: Spoken = speaker.speak(
                text,
                voice,
                speed=speed,
                pitch=role.pitch if speaker.pitches else 1.0,
                tick=lambda: self._work.report(number, self._total),
                **also,
            )
            return spoken

        take = fitted(
            say,
            *time,
            rate=self._job.rate,
            expected=expected,
            paces=speaker.paces,
            pitch=1.0 if speaker.pitches else role.pitch,
            rules=self._job.fit,
        )
        self.made += 1
        return self._kept.add(key, take, self._job.rate)

    def _failed(self, backend: str, error: BackendFailed) -> None:
        """Count failures: a voice that is gone would fail on every line, each after its time-out."""
        last, times = self._alike.get(backend, ("", 0))
        times = times + 1 if last == str(error) else 1
        self._alike[backend] = (str(error), times)
        if times >= DEAF:
            self._gone[backend] = f"not tried, since {backend} failed {DEAF} times in a row: {error}"
            self._work.note(
                f"{backend} is given up after {DEAF} lines that failed the same way: {error}", warn=True
            )

    def _reasons(
        self, known: KeptTake, segment: TranslatedSegment, start: int, left: float
    ) -> tuple[str, ...]:
        rate, found = self._job.rate, []
        late = start / rate - segment.start
        if late > LATE:
            found.append(f"begins {late:.2f} s late, after the line before it")
        elif late < -LATE:
            found.append(f"begins {-late:.2f} s early, so as to end with the programme")
        if known.status == "too_long":
            over = known.frames / rate - left - known.borrowed
            found.append(f"runs over by {over:.2f} s at {self._job.fit.fastest:g} times its own pace")
        return tuple(found)


# --- before and after --------------------------------------------------------------------------


def _check(job: VoiceJob) -> None:
    if not 8000 <= job.rate <= 192000:
        raise InvalidJob(f"a dub at {job.rate} Hz", hint="Give the programme's sample rate, such as 48000.")
    names = [choice.backend for choice in (job.voice, *job.others)]
    if len(set(names)) < len(names):
        raise InvalidJob("a voice back end is named twice", hint="Give each its options once.")


def _cast(
    work: Work, translation: Translation, job: VoiceJob, voices: Mapping[str, Any], speaking: set[str]
) -> tuple[tuple[CastVoice, ...], tuple[str, ...]]:
    """Everybody who says something, with a voice that there is; and what is to be known of it before they
    speak.

    Raises:
        InvalidJob: the cast file names one that there is not.
        Cancelled: while voices were sampled.
    """
    listed = {speaker.id: speaker for speaker in translation.speakers}
    speakers = [speaker for speaker in translation.speakers if speaker.id in speaking]
    speakers += [Speaker(id=who) for who in sorted(speaking - listed.keys())]
    names = {speaker.id: speaker.name or speaker.id for speaker in speakers}
    cloning = clones(job.voice)
    actors = {
        speaker.id: actor_gender(role_of(speaker, job.cast).gender, job.pitches.get(speaker.id))
        for speaker in speakers
    }
    offered = {name: voice.voices() for name, voice in voices.items()}
    if any(actors.values()) or job.pitches:
        offered = {name: _sampled(work, voice, len(translation.segments)) for name, voice in voices.items()}
    cast = cast_speakers(
        speakers,
        offered,
        job.voice.backend,
        pitches=job.pitches,
        roles=job.cast,
        earlier={
            who: structs.replace(voice, voice=full_name(voice.voice, voices, job.voice.backend))
            for who, voice in job.earlier.items()
        },
        shifts=not cloning and find_spec("parselmouth") is not None,
    )
    for role in cast:
        backend, voice = parted(role.voice)
        if backend not in voices or not voices[backend].knows(voice):
            who = listed[role.speaker].name or role.speaker if role.speaker in listed else role.speaker
            few = ", ".join(info.name for info in voices[job.voice.backend].voices()[:8])
            raise InvalidJob(
                f"{who}: there is no voice {role.voice!r}",
                hint=f"{job.voice.backend} has {few}; a voice of another back end is BACKEND:VOICE.",
            )
    if cloning:
        return cast, ()
    genders = {f"{name}:{info.name}": info.gender for name, infos in offered.items() for info in infos}
    return cast, (*told_genders(cast, names, actors, genders), *told_sharing(cast, names))


def _sampled(work: Work, voice: Any, lines: int) -> tuple[VoiceInfo, ...]:
    """The voices of a back end, with the pitch that a sample shows where they do not tell it."""
    sampled = getattr(voice, "sampled", None)
    if sampled is None or find_spec("parselmouth") is None:
        infos: tuple[VoiceInfo, ...] = voice.voices()
        return infos
    infos = sampled(lambda: work.report(0, lines))
    return infos


def _summary(work: Work, takes: Sequence[Take], made: int) -> None:
    states = [take.state for take in takes]
    counts = {state: states.count(state) for state in ("spoken", "too_long", "failed", "silent")}
    work.facts.update({**counts, "made": made})
    if counts["failed"] and not counts["spoken"] and not counts["too_long"]:
        reason = next(take.reasons[0] for take in takes if take.state == "failed")
        raise BackendFailed(
            f"none of {counts['failed']} lines could be spoken; the first: {reason}",
            hint="Try the voice by hand, or name another with --voice.",
        )
    for state, what in (("too_long", "too long for their time"), ("failed", "could not be spoken")):
        found = [take.id for take in takes if take.state == state]
        if found:
            listed = ", ".join(str(number) for number in found[:10]) + (", ..." if len(found) > 10 else "")
            work.note(f"{len(found)} lines {what}: {listed}")


def _gain(segment: TranslatedSegment) -> float:
    level = segment.tone.level if segment.tone is not None else None
    return 0.0 if level is None else min(max(level, -LOUDEST), LOUDEST)
