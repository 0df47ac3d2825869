"""The dub of a run: its translation spoken, fitted and mixed.

    for language in dub_languages(run.root):
        dub, files = dub_run(run, Wishes(language=language, voice="espeak-ng"))

The command, `serve` and `localize` all come through here.
"""

from __future__ import annotations

from dubline.dubbing.making import Audition, audition_run, dub_run, publish_mix
from dubline.dubbing.preparing import check_rights, dub_languages, has_text
from dubline.voice.wishes import Wishes

__all__ = [
    "Audition",
    "Wishes",
    "audition_run",
    "check_rights",
    "dub_languages",
    "dub_run",
    "has_text",
    "publish_mix",
]
