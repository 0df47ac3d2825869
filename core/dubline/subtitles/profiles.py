"""What subtitles are held to: lengths, speeds and gaps, each with where the figure comes from.

    netflix-en, netflix-en-children    20 and 17 characters a second
    netflix-tr, netflix-tr-children    17 and 13
    netflix                            17, for most other languages
    ebu                                teletext as German-language broadcasters of the EBU agreed on it

Netflix: lines of 42, two lines, 5/6 s to 7 s from "Timed Text Style Guide: General Requirements"
(partnerhelp.netflixstudios.com, article 215758617) and the "Turkish Timed Text Style Guide" (article
215342858); two frames between subtitles at any rate, gaps of 3 frames up to half a second closed, and
half a second past the sound where reading needs it, from "Subtitle Timing Guidelines" (article
360051554394). Characters a second: as Subtitle Edit tabulates them by language in its
NetflixQualityController (20 and 17 for English, 17 and 13 for Turkish and most others), and so the figures of
`profile_of`.

ebu: 37 characters (a teletext row less its control codes), two lines, 1 s at least, 13 to 15 characters a
second, one frame between subtitles, from "Untertitel-Standards" of ARD, ORF, SRF and ZDF (ndr.de). They set
no longest duration, so none is checked.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from dubline.errors import BackendMissing, InvalidJob
from dubline.files import bytes_of, decoded
from dubline.language.script import base_language
from dubline.timebase import seconds_to_frames
from dubline.values.base import Value, complaint


class Profile(Value, frozen=True):
    """Limits; 0 checks nothing. A subtitle may be exactly at its limit.

    `line_length` is characters in a line, `reading_speed` characters a second over all lines (spaces and
    marks count, tags and line breaks do not), `lines` how many, `shortest` and `longest` seconds, `gap` the
    least picture frames between two subtitles. A gap over `gap` and under `chain` seconds should be closed
    to `gap`. `extension` is how many seconds a subtitle may stay on for the sake of reading.
    """

    name: str
    line_length: int = 42
    reading_speed: float = 17
    lines: int = 2
    shortest: float = 5 / 6
    longest: float = 7
    gap: int = 2
    chain: float = 0.5
    extension: float = 0.5
    source: str = ""

    def gap_frames(self, rate: Fraction) -> int:
        """The frame count from which a gap need not be closed: 12 at 24 frames a second; 0: never close."""
        return seconds_to_frames(self.chain, rate) if self.chain else 0


_NETFLIX = "Netflix Timed Text Style Guide; Subtitle Timing Guidelines"
PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="netflix-en", reading_speed=20, source=_NETFLIX),
        Profile(name="netflix-en-children", reading_speed=17, source=_NETFLIX),
        Profile(name="netflix-tr", reading_speed=17, source=_NETFLIX),
        Profile(name="netflix-tr-children", reading_speed=13, source=_NETFLIX),
        Profile(name="netflix", reading_speed=17, source=_NETFLIX),
        Profile(
            name="ebu",
            line_length=37,
            reading_speed=15,
            shortest=1,
            longest=0,
            gap=1,
            chain=0,
            source="Untertitel-Standards of ARD, ORF, SRF and ZDF",
        ),
    )
}

_LANGUAGES: dict[str, dict[str, Any]] = {
    "ar": {"reading_speed": 20},
    "hi": {"reading_speed": 22},
    "ja": {"reading_speed": 4, "line_length": 23},
    "ko": {"reading_speed": 12, "line_length": 16},
    "th": {"line_length": 35},
    "zh": {"reading_speed": 9, "line_length": 16},
}
"""Where a language's figures are not those of "netflix" (Subtitle Edit's NetflixQualityController)."""


def profile_of(language: str) -> Profile:
    """The profile that subtitles in a language are held to unless another is named."""
    base = base_language(language)
    name = f"netflix-{base}"
    return PROFILES.get(name) or (
        msgspec.structs.replace(PROFILES["netflix"], name=name, **_LANGUAGES[base])
        if base in _LANGUAGES
        else PROFILES["netflix"]
    )


def read_profile(name: str) -> Profile:
    """A profile by its name, or from a TOML file (a name that ends in .toml) with the fields of `Profile`.

    `based_on` in the file names the profile whose values hold where the file has none.

    Raises:
        InvalidJob: no such profile, a file that cannot be read, an unknown field, an impossible value.
        BackendMissing: Python 3.10 without tomli.
    """
    if not name.endswith(".toml"):
        if name not in PROFILES:
            raise InvalidJob(
                f"there is no profile {name!r}",
                hint=f"There are {', '.join(PROFILES)}; or give a TOML file of your own.",
            )
        return PROFILES[name]
    path = Path(name)
    data = decoded(bytes_of(path), path.name)
    try:
        raw = msgspec.toml.decode(data, type=dict[str, Any])
    except ImportError:
        raise BackendMissing("reading TOML on Python 3.10 needs tomli", hint="pip install tomli") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidJob(f"{path.name} is not TOML: {error}", hint="docs/subtitles.md shows one.") from None
    base = raw.pop("based_on", "netflix-en")
    if not isinstance(base, str) or base not in PROFILES:
        raise InvalidJob(
            f"{path.name}: there is no profile {base!r}", hint=f"There are {', '.join(PROFILES)}."
        )
    values = {**msgspec.structs.asdict(PROFILES[base]), "source": path.name, "name": path.stem, **raw}
    try:
        profile = msgspec.convert(values, Profile)
    except msgspec.ValidationError as error:
        raise InvalidJob(
            f"{path.name}: {complaint(error)}", hint="docs/subtitles.md lists the fields."
        ) from None
    limits = [v for v in msgspec.structs.astuple(profile) if not isinstance(v, str)]
    if not all(0 <= value < 1_000_000 for value in limits):
        raise InvalidJob(f"{path.name}: a limit is below 0 or no number", hint="0 checks nothing.")
    return profile
