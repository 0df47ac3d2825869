"""What a dub has taught about its voices: how long they really take.

    keep_durations(root, takes)            after speaking: memory/durations.json, and the lines' `fit`
    known = known_durations(root, "en")    before translating: known.speakers is TranslationJob.durations

A dub so tells its translation which of its lines really fit, and a later translation of the same programme
chooses its lines by the voices that will speak them. What is spoken must not depend on how it fits, or
speaking would outdate itself: `fit` and `totals` are not among a dub's inputs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from pathlib import Path

from msgspec import structs

from dubline.files import full_disk_is_told, write_whole
from dubline.fit.durations import DurationModel, calibrated, default_model
from dubline.fit.isochrony import RULES, rooms
from dubline.fit.speech_time import refitted
from dubline.language.markup import unmark
from dubline.programme.publications import noted
from dubline.values.base import Value
from dubline.values.dubbed import Takes
from dubline.values.layout import Layout
from dubline.values.sealed import read_sealed, sealed
from dubline.values.translated import (
    Fit,
    FitStatus,
    Translation,
    counted,
    digest,
    place_of,
    read_translation,
    translation_json,
)
from dubline.voice.casting import parted

FORMAT = "dubline.durations.1"
MOST = 20_000
"""Texts of a voice whose lengths are kept; the oldest go first."""
ENOUGH = 40
"""Takes from which a voice may have a model of its own."""
_DRAWN = 4.0  # takes: as many of its own count as much as that it is as fast as the others
_ALIKE = 0.01  # of a text's length: a voice that takes so much longer or shorter for it is not the same now
_BIASED = 0.05  # the same for texts that it has not spoken before, which are estimated
_LONGEST = 3600.0  # seconds


class LateTake(Value, frozen=True):
    """A take that had to wait for the line before it, as it came out: it had `late` seconds less than its
    slot. `text` and `before` are digests of the line's text and of the one before it: with others it may come
    out otherwise."""

    text: str
    before: str
    late: float
    borrowed: float = 0.0
    too_long: bool = False


class LanguageDurations(Value, frozen=True):
    """`cast`: speaker -> the full name of the voice that spoke for him last; `voices`: by that name; `late`:
    by the segment's id."""

    cast: dict[str, str] = {}
    voices: dict[str, DurationModel] = {}
    late: dict[int, LateTake] = {}


class KeptDurations(Value, frozen=True):
    """memory/durations.json."""

    format: str = FORMAT
    languages: dict[str, LanguageDurations] = {}


class Known(Value, frozen=True):
    """`speakers`: speaker -> the model of his voice. `late`: takes that had less time than their slots.
    `notes`: sentences that say where they come from."""

    speakers: dict[str, DurationModel] = {}
    late: dict[int, LateTake] = {}
    notes: tuple[str, ...] = ()


def voice_durations(
    takes: Takes, before: Mapping[str, DurationModel] | None = None
) -> dict[str, DurationModel]:
    """Voice's full name -> how long it takes for a text, from what it has just spoken at its own pace.

    A translation made with it (`TranslationJob.durations`) fits this voice's takes better than one made with
    the language's ordinary pace. Voices with few takes keep that one (see `durations.calibrated`). `before`:
    what is known already, which counts too where the voice is still the same: not where it now speaks at
    another pace.
    """
    voices = {cast.speaker: cast.voice for cast in takes.cast}
    spoken: dict[str, dict[str, float]] = {}
    for take in takes.takes:
        voice = take.voice or voices.get(take.speaker, "")
        if take.state in ("spoken", "too_long") and take.natural > 0 and voice:
            spoken.setdefault(voice, {})[take.text] = take.natural
    for voice, model in (before or {}).items():
        if voice not in spoken or _same_voice(model, spoken[voice]):
            spoken[voice] = dict([*model.spoken.items(), *spoken.get(voice, {}).items()][-MOST:])
    if before and spoken == {voice: model.spoken for voice, model in before.items()}:
        return dict(before)  # nothing new was heard
    return voice_models(takes.language, spoken)


def voice_models(language: str, spoken: Mapping[str, Mapping[str, float]]) -> dict[str, DurationModel]:
    """Voice's full name -> its model, from text -> seconds for each.

    The voices of a back end have much in common, most of all how they read a spelling: one with few takes of
    its own gets the model of all of them together, made faster or slower by what it has spoken. One with
    many has its own, where that errs less.
    """
    ordinary = default_model(language)
    together: dict[str, list[tuple[str, float]]] = {}
    for voice, lengths in sorted(spoken.items()):
        together.setdefault(parted(voice)[0], []).extend(lengths.items())
    common = {backend: calibrated(ordinary, lines) for backend, lines in together.items()}
    models = {}
    for voice, lengths in sorted(spoken.items()):
        own, all_of_them = list(lengths.items()), together[parted(voice)[0]]
        shared = common[parted(voice)[0]]
        model = shared if own == all_of_them else calibrated(ordinary, own)
        if shared.error and (len(lengths) < ENOUGH or shared.error <= model.error):
            off = [math.log(s / shared.seconds(text)) for text, s in lengths.items() if shared.seconds(text)]
            faster = statistics.median(off) * len(off) / (len(off) + _DRAWN) if off else 0.0
            model = shared.scaled(math.exp(faster))
        basis = f"the pace of {voice}, from {len(lengths)} takes" if model.error else model.basis
        models[voice] = structs.replace(model, spoken=dict(lengths), basis=basis)
    return models


# --- in the run folder -------------------------------------------------------------------------


def keep_durations(root: Path, takes: Takes, *, frame_rate: str = "") -> tuple[Path, ...]:
    """Keep what a dub's voices have shown, whole, in the run folder, and say in its translation how each line
    really fits. The files that have changed; the same takes again change nothing.

    In the translation's file `fit` and `totals` change and nothing else: texts, locks, tags and times stay as
    they are, also what a person has written since the takes were made. `frame_rate` ("24000/1001", "" is 25)
    is for the two free frames before the next cue.

    Raises:
        InvalidJob: the translation's file is damaged; it must be looked at, not written over.
        StorageFull: the disk is full.
    """
    kept, _ = _read(root)
    before = kept.languages.get(takes.language, LanguageDurations())
    path = place_of(root, takes.language)
    old = read_translation(path) if path.exists() else None
    now = LanguageDurations(
        cast={**before.cast, **{cast.speaker: cast.voice for cast in takes.cast}},
        voices=voice_durations(takes, before.voices),
        late=late_takes(old, takes) if old is not None else {},
    )
    made = structs.replace(kept, languages={**kept.languages, takes.language: now})
    changed = []
    with full_disk_is_told(root):
        if made != kept:
            place(root).parent.mkdir(parents=True, exist_ok=True)
            write_whole(place(root), sealed(made))
            changed.append(place(root))
        if old is not None:
            known = Known(speakers=_speakers(now), late=now.late)
            new = fitted_by(old, known, frame_rate=frame_rate)
            if new != old:
                write_whole(path, translation_json(new))
                noted(root, f"translate RUN --to {takes.language}", [path])
                changed.append(path)
    return tuple(changed)


def known_durations(root: Path, language: str) -> Known:
    """What the run's dubs have taught about the voices in a language; nothing where there is no dub yet.

    A file that is damaged is passed over, and a note says so.
    """
    kept, notes = _read(root)
    here = kept.languages.get(language, LanguageDurations())
    speakers = _speakers(here)
    used = {here.cast[who] for who in speakers}
    models = {name: model for name, model in here.voices.items() if name in used}
    takes = sum(len(model.spoken) for model in models.values())
    names = ", ".join(list(models)[:3]) + (f" and {len(models) - 3} others" if len(models) > 3 else "")
    note = (f"the pace is that of {names}, from {takes} takes",) if models else ()
    return Known(speakers=speakers, late=here.late, notes=(*notes, *note))


def fitted_by(translation: Translation, known: Known, *, frame_rate: str = "") -> Translation:
    """A translation whose lines say how they fit in the mouths of these voices (see `refitted`), and in the
    time that the lines before them leave."""
    free = rooms(translation.segments, rate=frame_rate, duration=translation.duration)
    made = refitted(translation, known.speakers, free)
    lines, before = [], ""
    for line in made.segments:
        take, text = known.late.get(line.id), digest(unmark(line.text or "").plain)
        if line.fit is not None and take is not None and (take.text, take.before) == (text, before):
            line = structs.replace(line, fit=_came(line.fit, take))
        lines.append(line)
        before = text
    segments = tuple(lines)
    return structs.replace(made, segments=segments, totals=counted(segments, made.totals.glossary))


def late_takes(translation: Translation, takes: Takes) -> dict[int, LateTake]:
    """Segment's id -> its take, where that begins later than the segment."""
    by_id = {take.id: take for take in takes.takes if take.frames}
    lateness, before = {}, ""
    for line in translation.segments:
        text = digest(unmark(line.text or "").plain)
        take = by_id.get(line.id)
        if take is not None and digest(take.text) == text:
            late = round(take.start / take.rate - line.start, 3)
            if late > 0:
                too_long = take.state == "too_long"
                lateness[line.id] = LateTake(
                    text=text, before=before, late=late, borrowed=take.borrowed, too_long=too_long
                )
        before = text
    return lateness


def _came(fit: Fit, take: LateTake) -> Fit:
    """A line's fit in what was left of its slot."""
    left = max(fit.slot - take.late + take.borrowed, 0.001)
    speed = min(round(fit.natural / left, 4), 99.0)
    status: FitStatus = "fits"
    if take.too_long:
        status = "too_long"
    elif take.borrowed:
        status = "borrowed"
    elif speed < RULES.slowest:
        status = "short"
    return structs.replace(fit, borrowed=take.borrowed, speed=speed, status=status)


def spoken_texts(translation: Translation) -> tuple[str, ...]:
    """What a voice has to say in a programme: its lines as plain texts, each once."""
    plain = (unmark(s.text).plain for s in translation.segments if s.state == "translated" and s.text)
    model = default_model(translation.target_language)
    return tuple(dict.fromkeys(text for text in plain if model.seconds(text)))


def place(root: Path) -> Path:
    """Where a run keeps it."""
    return Layout(root).memory / "durations.json"


def _read(root: Path) -> tuple[KeptDurations, tuple[str, ...]]:
    """What was kept, and what there is to say about the file."""
    path = place(root)
    try:
        kept = read_sealed(path, KeptDurations)
        if kept.format == FORMAT and all(
            _possible(model) for language in kept.languages.values() for model in language.voices.values()
        ):
            return kept, ()
    except FileNotFoundError:
        return KeptDurations(), ()
    except (OSError, ValueError):  # msgspec's errors are ValueErrors
        pass
    note = f"{path.name} is damaged and is passed over: the voices' pace is not known until the next dub"
    return KeptDurations(), (note,)


def _possible(model: DurationModel) -> bool:
    """Whether these can be the figures of a voice."""
    numbers = (*model.coefficients, model.error)
    return (
        all(0 <= value < _LONGEST for value in numbers)
        and any(model.coefficients)
        and all(abs(value) < _LONGEST for value in model.letters.values())
        and all(0 < value < _LONGEST for value in model.spoken.values())
    )


def _speakers(known: LanguageDurations) -> dict[str, DurationModel]:
    return {who: known.voices[voice] for who, voice in sorted(known.cast.items()) if voice in known.voices}


def _same_voice(before: DurationModel, lengths: Mapping[str, float]) -> bool:
    """Whether a voice speaks at the pace that it had. Its name does not tell: words a minute are an option,
    and a server may have changed behind it."""
    both = [
        math.log(seconds / before.spoken[text]) for text, seconds in lengths.items() if text in before.spoken
    ]
    if both:
        return abs(statistics.median(both)) <= _ALIKE
    off = [
        math.log(seconds / before.seconds(text)) for text, seconds in lengths.items() if before.seconds(text)
    ]
    return bool(off) and abs(statistics.median(off)) <= _BIASED
