"""What can be asked of `dubline.pipeline.localize`, as a value: light to load, strict to read."""

from __future__ import annotations

from typing import Any, Literal

from dubline.values.base import Value
from dubline.values.timeline import Source


class LocalizeJob(Value, frozen=True):
    """What is asked for. As JSON it is the `job` of `serve`'s "localize"; docs/serve.md explains each field.

    Without `stems` nothing is separated, and speech is recognised in the mix. There is a transcript when
    `subtitles` are asked for, or a translation. There is a dub when a `voice` is named, or "auto": it needs
    stems and a translation. `voice_rights`: somebody says that they may clone the voices.
    """

    media: Source
    source: str = ""
    targets: tuple[str, ...] = ()
    content: Literal["auto", "dialogue", "music", "cinematic"] = "auto"
    stems: bool = True
    subtitles: bool = True
    translate: bool = True
    glossary: str | None = None
    cast: str | None = None
    synopsis: str | None = None
    speakers: int | None = None
    separator: str = "auto"
    separator_model: str = ""
    diarizer: str = "auto"
    recognizer: str = "auto"
    recognizer_model: str = ""
    translator: str = "auto"
    translator_model: str = ""
    server: str = ""
    voice: str = ""
    voice_options: dict[str, Any] = {}
    voice_rights: bool = False
    loudness: str = "ebu-r128"
    device: str = "auto"

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages to translate into, each once."""
        return tuple(dict.fromkeys(self.targets)) if self.translate else ()
