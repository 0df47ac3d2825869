"""The sounds of a plan for Resolve: which are wanted and heard, and on which frames they lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import msgspec

from dubline.errors import InvalidJob
from dubline.files import file_name, link
from dubline.programme.frames import sound_frames
from dubline.run import standing
from dubline.timebase import rate_text
from dubline.values.programme import Programme, SoundTrack, TakeTrack
from dubline.values.resolve import AudioPlan, ClipPlan, Want
from dubline.values.stems import Stems

LONGEST_PART = 60
"""Characters of a text in a file's name, where others stand beside it."""
COLOURS = {"vocals": "Teal", "music": "Violet", "sfx": "Orange", "ambient": "Olive", "dub": "Pink",
           "m_and_e": "Navy", "takes": "Apricot"}  # fmt: skip
SUBTYPES = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}  # 1.5


def chosen(programme: Programme, root: Path, want: Want, notes: list[str]) -> Programme:
    """The programme with what is wanted of it. What is silent goes, and is told in `notes`.

    One dub is heard, alone. Without one the takes are, where they are wanted, over all stems but the voices,
    over the original where it was not separated; else the stems.
    """

    def spoken(language: str) -> bool:
        return not want.languages or language in want.languages

    stems = standing(root, "stems", Stems)
    empty = {stem.name: stem.label for stem in (stems.stems if stems else ()) if stem.empty}
    takes = [track for track in programme.takes if want.takes and spoken(track.language)]
    sounds: list[SoundTrack] = []
    for sound in programme.sounds:
        if sound.role in ("dub", "m_and_e"):
            takes_part = want.dub and (sound.role == "m_and_e" or spoken(sound.language))
        else:
            takes_part = sound.role == "original" or sound.role in want.stems
        if takes_part and sound.role in empty:
            notes.append(f"{sound.name} is not placed, since it is silent: {empty[sound.role]}")
        elif takes_part:
            sounds.append(sound)
    dub = next((sound.language for sound in sounds if sound.role == "dub"), None)
    heard = takes[0].language if takes and dub is None else None

    def audible(sound: SoundTrack) -> bool:
        if sound.role in ("dub", "m_and_e"):
            return sound.role == "dub" and sound.language == dub
        if sound.role == "original":
            return len(sounds) == 1 and (not takes or stems is None)
        return dub is None and not (heard is not None and sound.role == "vocals")

    return msgspec.structs.replace(
        programme,
        sounds=tuple(msgspec.structs.replace(sound, enabled=audible(sound)) for sound in sounds),
        takes=tuple(msgspec.structs.replace(track, enabled=track.language == heard) for track in takes),
        marks=programme.marks if want.markers else (),
    )


def sound_tracks(programme: Programme, place: Path, first: int, fps: Fraction) -> Iterator[AudioPlan]:
    """A track for each sound but the original, from frame `first` on; the files are linked into `place`."""
    for sound in programme.sounds:
        if sound.role == "original":
            continue
        key = {"dub": f"dub:{sound.language}", "m_and_e": "m_and_e"}.get(sound.role, f"stem:{sound.name}")
        yield AudioPlan(
            key=key,
            name=sound.name,
            path=_linked(sound, programme.name, place).as_posix(),
            subtype=SUBTYPES.get(sound.channels, f"adaptive{sound.channels}"),
            record=first,
            frames=sound_frames(sound.frames, sound.rate, fps),
            colour=COLOURS.get(sound.role, "Teal"),
            enabled=sound.enabled,
        )


def take_tracks(
    programme: Programme, place: Path, first: int, fps: Fraction, length: int, notes: list[str]
) -> Iterator[AudioPlan]:
    """A track for each speaker's takes; what begins in the frame in which the last one ends gets a second.

    Their files are copies in `place` that begin and end with a frame, so that each sounds on its sample.
    `length` is the timeline's; what lies behind it is left out and told in `notes`.

    Raises:
        InvalidJob: a take is missing.
    """
    if not programme.takes:
        return
    import opentimelineio as otio

    from otio_dubline.build import build
    from otio_dubline.exporters.takes import on_whole_frames
    from otio_dubline.reading import facts_of, media_file, placed

    _all_there(programme.takes)
    bare = Programme(
        name=programme.name, rate=rate_text(fps), frames=max(length - first, 0), takes=programme.takes
    )
    keys: dict[str, int] = {}
    timeline = on_whole_frames(build(bare), place)  # held here: its tracks end with it
    for track in timeline.tracks if bare.frames else ():
        label = facts_of(track)
        key = f"takes:{label['language']}:{label['speaker']}"
        keys[key] = number = keys.get(key, 0) + 1
        clips = tuple(
            ClipPlan(
                path=media_file(item.media_reference.target_url).as_posix(),
                record=first + at,
                frames=frames,
                id=facts_of(item)["id"],
            )
            for at, frames, item in placed(track, fps)
            if isinstance(item, otio.schema.Clip)
        )
        yield AudioPlan(
            key=key if number == 1 else f"{key}:{number}",
            name=track.name,
            path="",
            subtype="mono",
            record=0,
            frames=0,
            colour=COLOURS["takes"],
            enabled=track.enabled,
            clips=clips,
        )
    end = (length - first) / fps
    behind = sum(Fraction(t.start, t.rate) >= end for track in programme.takes for t in track.clips)
    if behind:
        notes.append(f"{behind} takes lie behind the timeline's end")


def _all_there(tracks: tuple[TakeTrack, ...]) -> None:
    for track in tracks:
        for take in track.clips:
            if not Path(take.path).is_file():
                raise InvalidJob(
                    f"the take of line {take.id} is missing: {take.path}",
                    hint="Run `dubline dub` again: what is still there is kept.",
                )


def _linked(sound: SoundTrack, name: str, place: Path) -> Path:
    """The sound under a name that no other content will ever have, linked or else copied."""
    from dubline.media.probing import fingerprint

    source = Path(sound.path)
    try:
        # Size and time count too: stems often begin and end with the same silence.
        mark = hashlib.sha256(fingerprint(source).encode()).hexdigest()[:10]
    except OSError as error:
        again = "dub" if sound.role in ("dub", "m_and_e") else "separate"
        raise InvalidJob(
            f"{source} cannot be read: {error.strerror or error}",
            hint=f"Run `dubline {again}` again: what is still there is kept.",
        ) from None
    target = place / f"{clean_name(name)} - {clean_name(sound.name)} {mark}{source.suffix}"
    if not target.exists():
        link(source, target)
    return target


def clean_name(text: str) -> str:
    """A text that people wrote as part of a file's name."""
    return file_name(text[:LONGEST_PART], "unnamed")
