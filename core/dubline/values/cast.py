"""`cast.toml`: the people of a production, what their voices sound like, and how they are to be voiced.

    [cast]
    "Ayşe" = ["clips/ayse.wav"]                            # a list: clips in which she speaks alone

    [cast."Mehmet"]
    clips = [{ file = "e01.wav", start = 12.0, end = 18.5 }]
    speaker = "SPEAKER_03"                                 # who he is in this run, where no clip tells
    gender = "male"
    register = "formal, an old judge"                      # for translators that look at the context
    voice = "espeak-ng:tr+m3"                              # the dub's voice
    pitch = 0.9                                            # a factor; 1 leaves the voice as it is

The same file names voices, informs translators and casts the dub; each reads what it needs.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import asdict, replace

from dubline.errors import BackendMissing, InvalidJob
from dubline.files import bytes_of, decoded
from dubline.values.base import Value


class Clip(Value, frozen=True):
    """A piece of a sound file in which one person speaks alone; seconds from its start, None: to its end."""

    file: str
    start: float = 0.0
    end: float | None = None


class _Person(Value, frozen=True):
    speaker: str = ""
    gender: str = ""
    register: str = ""
    voice: str = ""
    pitch: float | None = None


class CastMember(_Person, frozen=True):
    """A person. `gender` is "female", "male" or any word; `pitch` a factor for the voice, 1 as it is, None
    where the file leaves it open."""

    clips: tuple[Clip, ...] = ()


class _Member(_Person, frozen=True):
    clips: list[str | Clip] = []


class _CastFile(Value, frozen=True):
    cast: dict[str, list[str | Clip] | _Member]


def read_cast(path: Path) -> dict[str, CastMember]:
    """The people of a `cast.toml` by name, paths of clips made absolute from the file's folder.

    Raises:
        InvalidJob: not readable, no TOML, an unknown field, an empty name, a list without clips, a clip that
            ends before it starts, a pitch outside 0.5 to 2.
        BackendMissing: Python 3.10 without tomli.
    """
    try:
        read = msgspec.toml.decode(decoded(bytes_of(path), path.name), type=_CastFile)
    except ImportError:
        raise BackendMissing("reading TOML on Python 3.10 needs tomli", hint="pip install tomli") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidJob(
            f"{path}: {error}", hint='A cast file looks like: [cast], then "NAME" = ["clip.wav"].'
        ) from None
    people: dict[str, CastMember] = {}
    for name, entry in read.cast.items():
        if not name.strip() or entry == []:
            raise InvalidJob(
                f"{path}: {name!r} has no name or no clips", hint="Give a name at least one clip."
            )
        member = _Member(clips=entry) if isinstance(entry, list) else entry
        if member.pitch is not None and not 0.5 <= member.pitch <= 2:
            raise InvalidJob(
                f"{path}: {name}: a pitch of {member.pitch}",
                hint="It is a factor from 0.5 to 2; 1 changes nothing.",
            )
        clips = [Clip(file=c) if isinstance(c, str) else c for c in member.clips]
        for clip in clips:
            if not (clip.start >= 0 and (clip.end is None or clip.start < clip.end)):
                raise InvalidJob(
                    f"{path}: {name}: {clip.file} from {clip.start} s to {clip.end} s is not a clip",
                    hint="Give start and end in seconds, start before end.",
                )
        placed = tuple(replace(c, file=(path.parent / c.file).absolute().as_posix()) for c in clips)
        people[name] = CastMember(**{**asdict(member), "clips": placed})
    return people
