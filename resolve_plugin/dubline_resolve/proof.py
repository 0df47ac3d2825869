"""What lies on a track, proved with few calls: Resolve has crashed in loops of 1,800 reads (1.9).

Up to WHOLE items each one is read whole. Of a longer track the first and the last are, and of those between
every other one is asked one thing: where it begins, where it ends, what it is, by turns. So

    * a track that is offset, or drifts, or lacks an item, is always found out: by its ends and its count;
    * items in a row that lie elsewhere are found out when there are four of them, texts in a row when six;
    * a single one is found out in two cases of six when it lies elsewhere, in one of six when its text or its
      length alone is wrong.

A feature film of 3,024 cues is proved with half as many reads.
"""

import re
from typing import Any, Dict, List, Sequence, Tuple

from dubline_resolve.objects import Session, ask, number

WHOLE = 24
STRIDE = 2
TURNS = ("start", "end", "content")

Questions = List[Tuple[int, Tuple[str, ...]]]


def questions(total: int) -> Questions:
    """[(position, what is asked there)] for a track with so many items."""
    if total <= WHOLE:
        return [(position, TURNS) for position in range(total)]
    asked: Dict[int, Tuple[str, ...]] = {
        position: (TURNS[turn % len(TURNS)],)
        for turn, position in enumerate(range(STRIDE, total - 1, STRIDE))
    }
    asked[0] = asked[total - 1] = TURNS
    return sorted(asked.items())


def plain(text: Any) -> str:
    """A cue's text for comparing: without the markup that Resolve takes out, spaces and breaks alike."""
    bare = re.sub(r"</?[a-zA-Z][^<>]*>|\{\\[^{}]*\}", "", str(text or ""))
    return " ".join(bare.split())


def wrong(session: Session, items: Sequence[Any], targets: Sequence[Any], beside: int, longer: int) -> str:
    """What is wrong with the items on a track, "" where nothing is.

    ``items``: as many as ``targets``: [first frame, end, name or text] from the timeline's start, in
    order. ``beside``, ``longer``: frames by which a beginning and an end may lie elsewhere.
    """
    fault = _compare(session, items, targets, beside, longer)
    if fault:
        # In which order Resolve lists them is written nowhere: before judging, in the order of time.
        starts = [number(ask(item, "GetStart"), "where an item begins") for item in items]
        order = sorted(range(len(items)), key=lambda n: (starts[n], n))
        if order != list(range(len(items))):
            fault = _compare(session, [items[n] for n in order], targets, beside, longer)
    return fault


def _compare(session: Session, items: Sequence[Any], targets: Sequence[Any], beside: int, longer: int) -> str:
    for position, asked in questions(len(targets)):
        item, (first, end, content) = items[position], targets[position][:3]
        for what in asked:
            if what == "start":
                start = number(ask(item, "GetStart"), "where an item begins") - session.start
                if abs(start - first) > beside:
                    return "lies at {} instead of {}".format(session.timecode(start), session.timecode(first))
            elif what == "end":
                until = number(ask(item, "GetEnd"), "where an item ends") - session.start
                if abs(until - end) > longer:
                    return "at {} ends at {} instead of {}".format(
                        session.timecode(first), session.timecode(until), session.timecode(end)
                    )
            elif plain(ask(item, "GetName")) != plain(content):
                return "at {} is another one".format(session.timecode(first))
    return ""
