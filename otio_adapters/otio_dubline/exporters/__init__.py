"""Timelines as other programs read them: a module for each target, found by name and loaded when used.

A target's module has

    TITLE     the programs it is for, in words
    TARGET_FEATURES    what does not come through whole, for the table in docs/timelines.md: no, sidecar,
                       "part: why"
    WHOLE_FRAMES       (if it has it) True: clips lie on whole frames, so takes go there as copies that do
    export    (timeline, folder, options) -> the files written, the one to open first

`export` is given the neutral timeline (see `otio_dubline.build`) and an empty folder, and may write anything
into that folder; the folder takes its place when it is complete. The timeline is its own: a copy that it may
change.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import opentimelineio as otio

from dubline.errors import BackendMissing, InvalidJob
from dubline.files import aside_of
from dubline.values.stems import STEM_NAMES
from dubline.weights.installation import extra_command, pip_command
from otio_dubline.exporters.takes import FOLDER, is_takes, on_whole_frames
from otio_dubline.reading import facts_of, rate_is_told
from otio_dubline.trims import without_trims

TARGETS: dict[str, str] = {
    "otio": "neutral",
    "otioz": "bundle",
    "resolve": "resolve",
    "premiere": "premiere",
    "fcpx": "fcpx",
    "aaf": "aaf",
    "kdenlive": "kdenlive",
    "shotcut": "shotcut",
    "edl": "edl",
    "srt": "subtitles",
    "vtt": "subtitles",
    "ass": "subtitles",
    "ttml": "subtitles",
    "csv": "subtitles",
}
"""Target -> module of this package."""
EXTRAS = {"aaf2": "aaf"}
"""Library -> the extra of Dubline's that brings it."""
_NO_RATE = "Nothing on the timeline tells its frame rate: it is 25 here."


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may choose. `target` is filled in by `export`.

    `schema`: OTIO's version family for old readers ("0.14.0"; "" is the newest). `embed`: sound inside the
    AAF instead of beside it. `languages`: subtitles and dubs in these only; empty: all. `takes`: the spoken
    lines of a dub one by one, too. `gather`: the run's sounds are put beside the timeline (DaVinci Resolve),
    as hard links where the disk has them.
    """

    target: str = ""
    schema: str = ""
    embed: bool = True
    languages: tuple[str, ...] = ()
    takes: bool = True
    gather: bool = True


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was written: `files` with the one to open first; `lost`, what this timeline had and the target
    cannot carry; `notes`, what a person should know when opening it."""

    target: str
    title: str
    files: tuple[Path, ...]
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A target's own account: file names in the folder, the one to open first."""

    files: tuple[str, ...]
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Account:
    """Sentences about what is left out, and what a person should know, each once."""

    lost: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def lose(self, text: str) -> None:
        """Keep a sentence about something left out."""
        self.lost[text] = None

    def note(self, text: str) -> None:
        """Keep a sentence that a person should know."""
        self.notes[text] = None

    def written(self, *files: str) -> Written:
        """The account of these files."""
        return Written(files=files, lost=tuple(self.lost), notes=tuple(self.notes))


def target(name: str) -> Any:
    """A target's module.

    Raises:
        InvalidJob: there is no such target.
        BackendMissing: a library that it needs is not installed.
    """
    if name not in TARGETS:
        raise InvalidJob(f"there is no target {name!r}", hint=f"Use {', '.join(TARGETS)}.")
    try:
        return import_module(f"otio_dubline.exporters.{TARGETS[name]}")
    except ModuleNotFoundError as error:
        module = error.name or ""
        remedy = extra_command(EXTRAS[module]) if module in EXTRAS else pip_command(module)
        raise BackendMissing(
            f"the target {name!r} needs {module}, which is not installed", hint=f"Install it with: {remedy}"
        ) from None


def export(
    timeline: otio.schema.Timeline, names: Sequence[str], place: Path, options: ExportOptions | None = None
) -> tuple[Exported, ...]:
    """Write a timeline for each target into `place`/NAME; what was there from before is replaced.

    Targets that know whole frames only share the copies of takes in `place`/takes. They stay: timelines that
    were exported earlier point to them.

    Raises:
        InvalidJob: an unknown target, before anything is written; a language asked for is not there; or a
            target refuses the timeline.
        BackendMissing: as `target`.
        OSError: a file cannot be written; no folder is left half.
    """
    options = options or ExportOptions()
    modules = {name: target(name) for name in dict.fromkeys(names)}
    timeline = without_trims(timeline)
    if options.languages:
        timeline = in_languages(timeline, options.languages)
    if not options.takes:
        timeline = without_takes(timeline)
    place.mkdir(parents=True, exist_ok=True)
    framed, told = None, rate_is_told(timeline)
    exports = []
    for name, module in modules.items():
        _put_back(place / name)
        aside = aside_of(place / name)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        try:
            given = timeline
            if getattr(module, "WHOLE_FRAMES", False):
                given = framed = framed or on_whole_frames(timeline, place / FOLDER)
            written: Written = module.export(
                given.deepcopy(), aside, msgspec.structs.replace(options, target=name)
            )
            _replace(aside, place / name)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        exports.append(
            Exported(
                target=name,
                title=module.TITLE,
                files=tuple(place / name / file for file in written.files),
                lost=written.lost,
                notes=written.notes if told else (*written.notes, _NO_RATE),
            )
        )
    return tuple(exports)


def in_languages(timeline: otio.schema.Timeline, languages: Sequence[str]) -> otio.schema.Timeline:
    """A copy with the subtitles, dubs and takes of these languages only; a track that tells none stays.

    Where the dub that is heard goes, the next one is heard, else the stems, else the original.

    Raises:
        InvalidJob: no track has such a language.
    """
    choice = set(languages)
    copy = timeline.deepcopy()
    tracks = [
        (track, facts_of(track).get("language", ""))
        for track in copy.tracks
        if isinstance(track, otio.schema.Track)
        and (track.kind == "Subtitle" or facts_of(track).get("role") in ("dub", "takes"))
    ]
    present = {language for _, language in tracks}
    if choice - present:
        raise InvalidJob(
            f"there are no subtitles in {', '.join(sorted(choice - present))}",
            hint=f"This timeline has: {', '.join(sorted(filter(None, present))) or 'none'}.",
        )
    heard = False
    for track, language in tracks:
        if language and language not in choice:
            heard = heard or (track.kind == "Audio" and track.enabled)
            del copy.tracks[copy.tracks.index(track)]
    if heard:
        _hear_another(copy)
    return copy


def _hear_another(timeline: otio.schema.Timeline) -> None:
    """Switch on the first dub, else the stems, else the original."""
    roles: dict[str, list[otio.schema.Track]] = {}
    for track in timeline.tracks:
        if isinstance(track, otio.schema.Track):
            roles.setdefault(str(facts_of(track).get("role") or ""), []).append(track)
    stems = [track for name in STEM_NAMES for track in roles.get(name, [])]
    for track in roles.get("dub", [])[:1] or stems or roles.get("original", [])[:1]:
        track.enabled = True


def for_remix(timeline: otio.schema.Timeline) -> otio.schema.Timeline:
    """A copy in which the first language's takes are heard over music, sfx and ambient, and nothing else.

    Where the sound was not separated they are heard over the original.

    Raises:
        InvalidJob: it has no takes.
    """
    copy = timeline.deepcopy()
    takes = [track for track in copy.tracks if is_takes(track)]
    if not takes:
        raise InvalidJob(
            "there are no takes on this timeline to mix anew",
            hint="Run `dubline dub` first, or export without --remix.",
        )
    language = facts_of(takes[0]).get("language")
    roles = {facts_of(track).get("role") for track in copy.tracks}
    background = ("music", "sfx", "ambient") if "music" in roles else ("original",)
    for track in copy.tracks:
        if isinstance(track, otio.schema.Track) and track.kind == otio.schema.TrackKind.Audio:
            facts = facts_of(track)
            heard = facts.get("role") in background
            track.enabled = heard or (is_takes(track) and facts.get("language") == language)
    return copy


def without_takes(timeline: otio.schema.Timeline) -> otio.schema.Timeline:
    """A copy without the tracks of takes; itself where there are none."""
    if not any(is_takes(track) for track in timeline.tracks):
        return timeline
    copy = timeline.deepcopy()
    for place in reversed(range(len(copy.tracks))):
        if is_takes(copy.tracks[place]):
            del copy.tracks[place]
    return copy


def _put_back(place: Path) -> None:
    """Undo the half of a replacement at which a process was killed."""
    old = place.with_name(f".{place.name}.old")
    if old.exists() and not place.exists():
        old.rename(place)


def _replace(new: Path, place: Path) -> None:
    """Put a folder in another's place; a folder cannot be renamed over one that is not empty."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)
