"""The figures by which made-up words are told from spoken ones."""

from __future__ import annotations

import math

from dubline.errors import InvalidJob
from dubline.values.base import Value


class FilterRules(Value, frozen=True):
    """When words are dropped. A word is confident from `confident` up, and inside speech where the diarizer
    hears somebody in at least `inside` of it.

    Without a second ear `silent_share` of speech or less is silence, farther than `margin` seconds from any;
    there a word is kept only if it is `certain`. With one, a line is heard if the ear hears at least `heard`
    of the time that its text takes to say, and heard well from `well` up; of a line whose words are a `guess`
    or less on the mean it must hear that much. `repeats` are the copies of a loop
    that are believed, for loops of one word, of two, and of more. `fastest` is in words a second, over
    `fast_words` words in a row. A recognizer is sure of speech up to a probability of no speech of `speech`,
    with a mean log probability of `likely` and more. Where loops and speed took `much` of a passage, its rest
    must be heard well.
    """

    confident: float = 0.6
    certain: float = 0.9
    inside: float = 0.5
    silent_share: float = 0.1
    margin: float = 0.5
    heard: float = 0.3
    well: float = 0.5
    guess: float = 0.1
    no_speech: float = 0.6
    log_probability: float = -1.0
    compression: float = 2.4
    repeats: tuple[int, int, int] = (8, 5, 3)
    fastest: float = 12.0
    fast_words: int = 6
    speech: float = 0.3
    likely: float = -0.6
    much: float = 0.4

    def __post_init__(self) -> None:
        shares = (self.confident, self.certain, self.inside, self.silent_share, self.no_speech, self.much)
        if not all(0 <= share <= 1 for share in shares) or not self.inside > 0:
            raise InvalidJob("a share or probability is not between 0 and 1", hint="Fix the filter's rules.")
        if not 0 <= self.heard <= self.well < math.inf:
            raise InvalidJob("what is heard well is less than what is heard", hint="Fix the filter's rules.")
        if min(self.repeats) < 1 or self.fast_words < 2 or not self.fastest > 0 or not self.margin >= 0:
            raise InvalidJob(
                "the filter counts less than one",
                hint="Repeats from 1, words in a row from 2, a speed above 0.",
            )
