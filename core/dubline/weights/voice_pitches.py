"""How high the voices in the user's models are, as their samples have shown: MODELS/.voices/KEY.json.

known = KeptPitches(sha256, sample)      by the weights' checksum and what the sample was
known.hertz["p225"]                      Hz
known.add("p225", 212.4)
"""

from __future__ import annotations

import contextlib
import hashlib

import msgspec

from dubline.files import write_whole
from dubline.values.json_files import kept_json
from dubline.weights.files import models_folder

HIGHEST = 1000.0  # Hz; nobody speaks so high


class KeptPitches:
    """Speaker's name -> Hz for the speakers of one model ("" for its only one), on disk.

    A file that is damaged is passed over. Where the models folder cannot be written nothing is kept, and the
    next run measures again.
    """

    def __init__(self, sha256: str, sample: str) -> None:
        key = hashlib.sha256(f"{sha256}\0{sample}".encode()).hexdigest()
        self._path = models_folder() / ".voices" / f"{key[:32]}.json"
        read = kept_json(self._path, dict[str, float]) or {}
        self.hertz = {name: hertz for name, hertz in read.items() if 0 < hertz < HIGHEST}

    def add(self, speaker: str, hertz: float) -> None:
        """Know the pitch of a speaker, and keep it."""
        self.hertz[speaker] = hertz
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, msgspec.json.encode(self.hertz))
