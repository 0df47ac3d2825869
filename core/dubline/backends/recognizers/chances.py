"""How sure a model was of each piece that it said, noted while it says them."""

from __future__ import annotations

from typing import Any


class Chances:
    """For `generate(logits_processor=[...])`: notes the probability of the likeliest piece at each step.

    `vocabulary`: how many of the scores are pieces; a model's other scores (of a transducer: how long a piece
    lasts) are kept from being taken for one.
    """

    def __init__(self, vocabulary: int | None = None) -> None:
        self._vocabulary = vocabulary
        self._steps: list[Any] = []

    def __call__(self, ids: Any, scores: Any) -> Any:
        pieces = scores[:, : self._vocabulary].float()
        self._steps.append(pieces.softmax(-1).max(-1).values)
        if self._vocabulary is not None and scores.shape[1] > self._vocabulary:
            scores = scores.clone()
            scores[:, self._vocabulary :] = -float("inf")
        return scores

    def __len__(self) -> int:
        return len(self._steps)

    def rows(self) -> list[list[float]]:
        """For each sound the probabilities of its steps."""
        if not self._steps:
            return []
        return [list(row) for row in zip(*(step.tolist() for step in self._steps), strict=True)]
