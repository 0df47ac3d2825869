"""How far a whole job is: its stages weigh what they took the last time on this machine.

    job = Job((("separate", "htdemucs"), ("recognize", "large-v3")), known_paces())
    job.at("separate", 0.5)     share of the whole job
    job.left(...)               seconds, None while a stage that is to come was never measured

A pace is seconds of work for a second of the film, by step and by who does it. Where one is missing, all
stages weigh the same, and nobody says how long the job still takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec

from dubline.values.json_files import kept_json

FILE = ".pace.json"

Stage = tuple[str, str]
"""A step and who does it."""


def known_paces() -> dict[str, float]:
    """What was measured on this machine, by `key`."""
    from dubline.weights.files import models_folder

    paces = kept_json(models_folder() / FILE, dict[str, float]) or {}
    return {name: pace for name, pace in paces.items() if 0 < pace < 1e6}


def keep_pace(stage: Stage, pace: float) -> None:
    """Remember what a stage took. Where that cannot be written, it is measured again the next time."""
    from dubline.files import write_whole
    from dubline.weights.files import models_folder

    with suppress(OSError):
        models_folder().mkdir(parents=True, exist_ok=True)
        paces = {**known_paces(), key(stage): round(pace, 6)}
        write_whole(models_folder() / FILE, msgspec.json.encode(paces))


def key(stage: Stage) -> str:
    """The name of a stage among the paces."""
    return f"{stage[0]} by {stage[1]}" if stage[1] else stage[0]


class Job:
    """The stages of a job in their order; those that are kept from before, or not needed, are passed over."""

    def __init__(self, stages: Sequence[Stage], paces: Mapping[str, float], now: int = 0) -> None:
        self.stages, self.now = tuple(stages), now
        known = [paces.get(key(stage)) for stage in self.stages]
        self._paces = known
        self._weights = [pace or 0.0 for pace in known] if all(known) else [1.0] * len(known)

    def begin(self, step: str) -> bool:
        """A step begins; whether it is a stage of the job."""
        later = [at for at in range(self.now, len(self.stages)) if self.stages[at][0] == step]
        if later:
            self.now = later[0]
        return bool(later)

    def end(self, step: str) -> Stage | None:
        """A step is done; the stage that it was."""
        if not self.begin(step):
            return None
        self.now += 1
        return self.stages[self.now - 1]

    def share(self, of_stage: float) -> float:
        """The share of the job that is done, when so much of the stage at work is."""
        own = self._weights[self.now] * of_stage if self.now < len(self.stages) else 0.0
        return min(1.0, (sum(self._weights[: self.now]) + own) / (sum(self._weights) or 1.0))

    def left(self, of_stage: float | None, film: float | None) -> float | None:
        """Seconds to the end, when the stage at work takes so many more: None where they are not known."""
        after = self._paces[self.now + 1 :]
        if of_stage is None or any(pace is None for pace in after) or (after and not film):
            return None
        return of_stage + sum(pace or 0.0 for pace in after) * (film or 0.0)
