"""SubRip: what people call SRT, read so that no cue disappears, and written so that it comes back as it was.

The reading is done here and not by pysrt, which passes over in silence what it cannot read, ends a cue at an
empty line and takes the spaces off the ends of lines. Every line with an arrow becomes a cue, or a `Problem`
with its number: empty lines inside a cue, cues with no empty line between, times without hours or
thousandths, `->` and `→`, a number that is missing. pysrt is the second reader of every file: it reads what
came of it, written in order, and a file of which it reads other cues, times or words is refused.

Times: "1,5" is a second and a half; a fraction of more than three digits is rounded to the millisecond.
Times before 0, or that end before they begin, are problems, and their text is told with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction

from dubline.errors import InvalidJob
from dubline.subtitles.cues import (
    LATEST_MS,
    Problem,
    Problems,
    Subtitles,
    SubtitleText,
    clock,
    unfenced,
    unified,
)
from dubline.subtitles.escapes import MARK, stuffed, unstuffed
from dubline.timebase import whole

_TIME = r"-?\d+(?:[ \t]?[:.,;][ \t]?\d+){1,4}"
_ARROW = r"(?:[-\u2010-\u2015\uff0d=]{1,3}\s?[>\uff1e]|[\u2190-\u21ff])"
_TIMES = re.compile(rf"\s*({_TIME})\s*{_ARROW}\s*({_TIME})(?![\d:.,;])[ \t]*(.*)", re.ASCII | re.DOTALL)
_STRICT = re.compile(r"(\d{1,5}):(\d\d):(\d\d),(\d{3}) --> (\d{1,5}):(\d\d):(\d\d),(\d{3})", re.ASCII)
_PARTS = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+)(?:([.,:;])(\d+))?", re.ASCII)
_SETTINGS = re.compile(r"[A-Za-z]\w*:[^\s<>]+(?:\s+[A-Za-z]\w*:[^\s<>]+)*", re.ASCII)
_NUMBER = re.compile(r"\s*\d+\s*", re.ASCII)
_LABEL = re.compile(r"[#(\[]?(?:[A-Za-z]{1,10}[ _.-]?)?\d{1,9}[a-z]?[.:)\]]?", re.ASCII)
"""What stands where a number should: "a1", "12.", "#3", "Subtitle 4"."""
_LIKE_TIME = re.compile(r"\d\s*[:.,]\s*\d", re.ASCII)
_INVISIBLE = "\u00ad\u061c\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_FORMAT = re.compile(f"[{_INVISIBLE}]")
_AROUND = re.compile(f"^[{_INVISIBLE}{MARK}]+|[{_INVISIBLE}{MARK}]+$")
"""Format characters (Unicode's category Cf) that editors for writing from right to left put around numbers.
The mark inside an arrow or a time is what makes it text, so it counts at the ends alone."""
_WIDE = str.maketrans(
    "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff1a\uff0c\uff0e\uff1b\u3000",
    "0123456789:,.; ",
)
_HINT = "They look like this: 00:01:02,345 --> 00:01:04,000"


def read_srt(text: str, *, strict: bool = False, name: str = "SRT") -> Subtitles:
    """SubRip -> its cues in the order of the file, and whatever was wrong with it.

    With `strict`, the first problem is an error; without, only a file that has text and no cue at all is.

    Raises:
        InvalidJob: it holds no cue, or `strict`; the message has the file's `name`, the line and the reason.
    """
    cues, problems = _cues_of(unfenced(unified(text)).removeprefix("\ufeff"))
    _compared(cues, name)
    if not cues and text.strip():
        first = problems[0] if problems else Problem(line=1, reason="there is no line of times")
        raise InvalidJob(f"{name}, line {first.line}: {first.reason}", hint=_HINT)
    refuse(problems, name, strict)
    return Subtitles(cues=tuple(cues), problems=tuple(problems))


def refuse(problems: Sequence[Problem], where: str, strict: bool) -> None:
    """Raise the first problem, if `strict`."""
    if strict and problems:
        first = problems[0]
        about = f": {first.text.strip()[:60]}" if first.text.strip() else ""
        raise InvalidJob(f"{where}, line {first.line}: {first.reason}{about}", hint="Fix this line.")


# --- times ---------------------------------------------------------------------------------------


def bare(line: str) -> str:
    """A line as a number or times would be written: without format characters, wide digits narrow."""
    return line if line.isascii() else _AROUND.sub("", _FORMAT.sub("", line)).translate(_WIDE)


def times_of(line: str) -> tuple[int, int, str, str] | str | None:
    """A line -> (start, end, what follows, what was odd); a reason why it is no times; None: it has none."""
    line = bare(line)
    if strict := _STRICT.fullmatch(line):
        a = [int(n) for n in strict.groups()]
        if a[1] < 60 > a[2] and a[5] < 60 > a[6] and a[0] < 99_999 > a[4]:
            start = ((a[0] * 60 + a[1]) * 60 + a[2]) * 1000 + a[3]
            end = ((a[4] * 60 + a[5]) * 60 + a[6]) * 1000 + a[7]
            return (start, end, "", "") if start <= end else _backwards(start, end)
    match = _TIMES.fullmatch(line)
    if match is None:
        return None
    odd: list[str] = []
    found = [_milliseconds(match[n], odd) for n in (1, 2)]
    for value in found:
        if isinstance(value, str):
            return value
    start, end = (v for v in found if isinstance(v, int))
    if max(start, end) > LATEST_MS:
        return "the time is later than any programme"
    if end < start:
        return _backwards(start, end)
    if "-->" not in line:
        odd.append("the arrow is not -->")
    return start, end, match[3].strip(), ", ".join(dict.fromkeys(odd))


def _backwards(start: int, end: int) -> str:
    return f"it ends before it begins: {start / 1000:.3f} s to {end / 1000:.3f} s"


def _milliseconds(text: str, odd: list[str]) -> int | str:
    text = "".join(text.split())
    if text.startswith("-"):
        return "a time before 0"
    match = _PARTS.fullmatch(text)
    if match is None:
        return f"{text[:40]} is not a time"
    hours, minutes, seconds, point, fraction = match.groups()
    if fraction is not None and len(fraction) > 12:
        return f"{text[:40]} is not a time"
    if minutes is None:
        return f"{text} has no minutes"
    if point in (":", ";"):
        if hours is None:  # 00:00:01 is hours, minutes, seconds
            hours, minutes, seconds, point, fraction = minutes, seconds, fraction, None, None
        elif point == ";" or len(fraction or "") != 3:
            return f"{text} counts frames, not thousandths"
        else:
            odd.append("a colon before the thousandths")
    elif hours is None:
        odd.append("no hours")
    if max(len(part or "") for part in (hours, minutes, seconds)) > 9:
        return f"{text[:40]} is not a time"
    if fraction is None:
        odd.append("no thousandths")
    elif len(fraction) != 3:
        odd.append(f"a fraction of {len(fraction)} digits")
    if int(minutes) > 59 or int(seconds) > 59:
        odd.append("more than 59 minutes or seconds")
    exact = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole((exact + Fraction(int(fraction or 0), 10 ** len(fraction or "0"))) * 1000)


# --- cues ----------------------------------------------------------------------------------------


def _cues_of(text: str) -> tuple[list[SubtitleText], Problems]:
    lines = text.split("\n")
    problems = Problems()
    heads = _heads(lines, problems)
    cues: list[SubtitleText] = []
    begins, numbered = _begins(lines, heads)
    _told_loss(lines, 0, begins[0][0] if begins else len(lines), problems, "text without times")
    for turn, at in enumerate(heads):
        label = begins[turn][1]
        end = begins[turn + 1][0] if turn + 1 < len(heads) else len(lines)
        found = times_of(lines[at])
        body, began = _body(lines, at + 1, end)
        if not isinstance(found, tuple):
            reason = found or "not the times of a cue"
            problems.tell(at, reason, "\n".join([lines[at], *body]), lost=True)
            continue
        start_ms, end_ms, rest, odd = found
        number = len(cues) + 1
        index = int(label) if _NUMBER.fullmatch(label) and len(label) < 10 else number
        if odd:
            problems.tell(at, odd, lines[at])
        above = begins[turn][0] - 1
        if turn and lines[above].strip() and above != heads[turn - 1]:
            problems.tell(above + 1, "no empty line before the cue", lines[above + 1])
        if not label:
            if numbered:
                problems.tell(at, "the cue has no number", lines[at])
        elif str(index) != label:
            problems.tell(at, "the cue's number is none", label)
        position = rest
        if rest and not _SETTINGS.fullmatch(rest):
            position = ""
            body, began = [rest, *body], began - 1
            problems.tell(at, "text on the line of times", rest)
        if numbered:
            body = _without_stray(body, began, index, problems)
        if not body:
            problems.tell(at, "the cue has no text")
        empty = next((i for i, line in enumerate(body) if not line.strip()), None)
        if empty is not None:
            problems.tell(began + empty, "an empty line inside the text", "\n".join(body))
        cues.append(
            SubtitleText(
                index=index,
                start_ms=start_ms,
                end_ms=end_ms,
                text=unstuffed("\n".join(body)),
                position=position,
                label="" if str(index) == label or not label else label,
            )
        )
    if cues and not numbered:
        problems.tell(heads[0], "the cues have no numbers")
    problems.sort(key=lambda p: p.line)
    return cues, problems


def _heads(lines: list[str], problems: Problems) -> list[int]:
    """The lines that begin a cue; an arrow inside a text does not."""
    heads = []
    for at, line in enumerate(lines):
        if ">" not in line and line.isascii():
            continue
        above = lines[at - 1] if at else ""
        begins = not above.strip() or bool(_NUMBER.fullmatch(bare(above)))
        if "-->" not in line:
            # "10:30 → 11:00" may as well be read on the screen.
            if begins and times_of(line) is not None:
                heads.append(at)
        elif begins or _LIKE_TIME.search(bare(line)):
            heads.append(at)
        else:
            problems.tell(at, "an arrow inside the text", line)
    return heads


def _begins(lines: list[str], heads: list[int]) -> tuple[list[tuple[int, str]], bool]:
    """(line, number or label) where each cue begins, and whether the file has numbers at all.

    Programs that write none leave the line above the times empty, or end the cue before it there: a text
    such as "1984" is no number then.
    """
    after = [0, *(at + 1 for at in heads)]
    found = [_before(lines, after[turn], at, numbered=True) for turn, at in enumerate(heads)]
    said = [int(label) if _NUMBER.fullmatch(label) and len(label) < 10 else -1 for _, label in found]
    numbered = (
        not said
        or bool(found[0][1])
        or any(
            number == turn or (number > 0 and number == said[turn - 2] + 1)
            for turn, number in enumerate(said[1:], 2)
        )
    )
    if not numbered:
        found = [_before(lines, after[turn], at, numbered=False) for turn, at in enumerate(heads)]
    return found, numbered or any(label for _, label in found)


def _before(lines: list[str], after: int, at: int, *, numbered: bool) -> tuple[int, str]:
    """(the line where the cue at `at` begins, its number or label): what stands above the times."""
    above = at - 1
    if above < after:
        return at, ""
    if lines[above].strip():
        alone = above == 0 or not lines[above - 1].strip()
        label = bare(lines[above]).strip()
        if (_NUMBER.fullmatch(label) and (numbered or alone)) or (alone and _LABEL.fullmatch(label)):
            return above, label
        return at, ""
    while numbered and above >= after and not lines[above].strip():
        above -= 1
    label = bare(lines[above]).strip()
    if above >= after and _NUMBER.fullmatch(label) and (above == after or not lines[above - 1].strip()):
        # A file in which every line is followed by an empty one.
        return above, label
    return at, ""


def _body(lines: list[str], first: int, end: int) -> tuple[list[str], int]:
    """The text's lines without the empty ones around it, and where they begin."""
    while first < end and not lines[first].strip():
        first += 1
    while end > first and not lines[end - 1].strip():
        end -= 1
    return lines[first:end], first


def _without_stray(body: list[str], began: int, index: int, problems: Problems) -> list[str]:
    """The text without what a cue that lost its times left behind: the next number after an empty line."""
    for at in range(1, len(body)):
        if (
            not body[at - 1].strip()
            and _NUMBER.fullmatch(bare(body[at]))
            and bare(body[at]).strip() == str(index + 1)
        ):
            problems.tell(began + at, "a cue without times", "\n".join(body[at:]), lost=True)
            body = body[:at]
            while body and not body[-1].strip():
                body = body[:-1]
            break
    return body


def _told_loss(lines: list[str], first: int, end: int, problems: Problems, reason: str) -> None:
    body, began = _body(lines, first, end)
    if body:
        problems.tell(began, reason, "\n".join(body), lost=True)


def _compared(cues: Sequence[SubtitleText], where: str) -> None:
    """Let pysrt read the same cues: it must find as many, at the same times, with the same words."""
    if not cues:
        return
    import pysrt

    try:
        found = pysrt.from_string(write_srt(cues, renumber=True), error_handling=pysrt.ERROR_RAISE)
    except pysrt.Error:
        found = []
    same = len(found) == len(cues) and all(
        item.start.ordinal == cue.start_ms
        and item.end.ordinal == cue.end_ms
        and "".join(item.text.split()) == "".join(stuffed(cue.text).split())
        for item, cue in zip(found, cues, strict=True)
    )
    if not same:
        raise InvalidJob(
            f"{where}: {len(cues)} cues were found, and pysrt reads others",
            hint="Open it in a subtitle editor, save it again, and report this file.",
        )


# --- writing -------------------------------------------------------------------------------------


def write_srt(cues: Iterable[SubtitleText], *, crlf: bool = False, renumber: bool = False) -> str:
    """Cues -> SubRip text; encode it as UTF-8. `crlf` ends lines as Windows does.

    `renumber` counts from 1 instead of keeping numbers, and labels that look like numbers. `read_srt` gives
    times and texts back as they were, whatever is in them (see `dubline.subtitles.escapes`).

    Raises:
        InvalidJob: a cue begins before 0 or ends before it begins.
    """
    blocks = []
    for number, cue in enumerate(cues, 1):
        check_times(cue)
        head = str(number) if renumber else str(cue.index)
        if not renumber and _LABEL.fullmatch(cue.label):
            head = cue.label
        place = _one_line(cue.position)
        times = f"{clock(cue.start_ms)} --> {clock(cue.end_ms)}"
        if place and _SETTINGS.fullmatch(place):
            times += f" {place}"
        text = stuffed(unified(cue.text))
        blocks.append(f"{head}\n{times}\n{text}\n" if text else f"{head}\n{times}\n")
    whole_text = "\n".join(blocks)
    return whole_text.replace("\n", "\r\n") if crlf else whole_text


def check_times(cue: SubtitleText) -> None:
    """Refuse a cue that no file can hold."""
    if not 0 <= cue.start_ms <= cue.end_ms <= LATEST_MS:
        raise InvalidJob(
            f"cue {cue.index} lasts from {cue.start_ms} ms to {cue.end_ms} ms",
            hint="A cue begins at 0 or later and ends after it begins.",
        )


def _one_line(text: str) -> str:
    return " ".join(text.replace("-->", "->").split())
