"""WebVTT, read and written whole: comments, styles, regions, names of cues, settings, voices.

The reader is our own. webvtt-py drops the blocks that it does not know, joins a cue's settings to nothing,
and keeps character references as they are written; a file that is read and written would lose them.

Texts come as people read them: "&lt;" is "<", and a voice tag round the whole text is the cue's `speaker`.
Tags of WebVTT stay in the text. The format is the W3C's "WebVTT: The Web Video Text Tracks Format".
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from dubline.errors import InvalidJob
from dubline.subtitles.cues import Block, Problems, Subtitles, SubtitleText, clock, unfenced, unified
from dubline.subtitles.escapes import stuffed, unstuffed
from dubline.subtitles.srt import check_times, refuse, times_of

_TAG = re.compile(
    r"</?(?:c|i|b|u|v|ruby|rt|lang|font)(?:[.\s][^<>\n]*)?>|<(?:\d+:)?\d\d:\d\d\.\d{3}>", re.ASCII
)
_VOICE = re.compile(r"<v\s+([^<>\n]+)>", re.ASCII)
_VOICES = re.compile(r"</?v[.\s>]", re.ASCII)
_KINDS = re.compile(r"(NOTE|STYLE|REGION)(?=\s|$)", re.ASCII)
_HINT = "A WebVTT file begins with the word WEBVTT; its times look like this: 00:01:02.345 --> 00:01:04.000"


def is_vtt(text: str) -> bool:
    """Whether a file begins with the word WEBVTT, be it in a fence."""
    return unfenced(unified(text)).lstrip("\ufeff\n").startswith("WEBVTT")


def read_vtt(text: str, *, strict: bool = False, name: str = "WebVTT") -> Subtitles:
    """WebVTT -> its cues in the order of the file, its other blocks, and whatever was wrong with it.

    Every line with an arrow becomes a cue or a `Problem`. Text after an empty line inside a cue, which a
    browser would drop, stays with its cue, and it is said. Arguments are as for `read_srt`.

    Raises:
        InvalidJob: as `read_srt`; or the file does not begin with WEBVTT.
    """
    lines = unfenced(unified(text)).lstrip("\ufeff\n").split("\n")
    if not re.match(r"WEBVTT(?:[ \t]|$)", lines[0]):
        raise InvalidJob(f"{name}, line 1: not WEBVTT but {lines[0][:40]!r}", hint=_HINT)
    header_end = next(
        (i for i, line in enumerate(lines) if not line.strip() or (i and "-->" in line)), len(lines)
    )
    header = "\n".join([lines[0][6:].strip(), *lines[1:header_end]]).strip("\n")
    cues: list[SubtitleText] = []
    blocks: list[Block] = []
    problems = Problems()
    more: list[str] = []
    for at, rows in _paragraphs(lines, header_end):
        _take(at, rows, cues, more, blocks, problems)
    _joined(cues, more)
    if not cues and any(p.lost for p in problems):
        first = next(p for p in problems if p.lost)
        raise InvalidJob(f"{name}, line {first.line}: {first.reason}", hint=_HINT)
    problems.sort(key=lambda p: p.line)
    refuse(problems, name, strict)
    return Subtitles(
        cues=tuple(cues),
        problems=tuple(problems),
        format="vtt",
        header=header,
        blocks=tuple(blocks),
    )


def _paragraphs(lines: Sequence[str], first: int) -> Iterable[tuple[int, list[str]]]:
    """(number of the first line from 0, its lines): what stands between empty lines."""
    rows: list[str] = []
    for at, line in enumerate([*lines[first:], ""], first):
        if line.strip():
            rows.append(line)
        elif rows:
            yield at - len(rows), rows
            rows = []


def _joined(cues: list[SubtitleText], more: list[str]) -> None:
    """Give the last cue the paragraphs that came after it, all at once: there may be very many."""
    if more:
        parts = [cues[-1].text, *more] if cues[-1].text else more
        cues[-1] = msgspec.structs.replace(cues[-1], text="\n\n".join(parts))
        more.clear()


def _take(
    at: int,
    rows: list[str],
    cues: list[SubtitleText],
    more: list[str],
    blocks: list[Block],
    problems: Problems,
) -> None:
    """One paragraph: a block, one cue or several, or the rest of the cue above it, which goes to `more`."""
    heads = [i for i, row in enumerate(rows) if "-->" in row]
    if not heads:  # another arrow, where the times belong
        heads = [i for i, row in enumerate(rows[:2]) if isinstance(times_of(row), tuple)][:1]
    kind = _KINDS.match(rows[0])
    if kind and (not heads or (kind[1] == "NOTE" and heads[0] > 1)):
        text = "\n".join([rows[0][len(kind[1]) :].strip(), *rows[1:]]).strip("\n")
        blocks.append(msgspec.convert({"kind": kind[1], "text": text, "before": len(cues)}, Block))
        return
    if not heads or heads[0] > 1:
        loose = rows[: heads[0] - 1] if heads else rows
        if cues:
            more.append(_plain("\n".join(loose)))
            problems.tell(at, "an empty line inside the text", "\n".join(loose))
        else:
            problems.tell(at, "text before the first times", "\n".join(loose), lost=True)
        if not heads:
            return
        at, rows = at + len(loose), rows[len(loose) :]
        heads = [i - len(loose) for i in heads]
    _joined(cues, more)
    for turn, head in enumerate(heads):
        label = rows[0].strip() if turn == 0 and head == 1 else ""
        if turn:
            problems.tell(at + head, "no empty line before the cue", rows[head])
        end = heads[turn + 1] if turn + 1 < len(heads) else len(rows)
        _cue(at + head, rows[head], label, rows[head + 1 : end], cues, problems)


def _cue(
    at: int, line: str, label: str, body: list[str], cues: list[SubtitleText], problems: Problems
) -> None:
    times = times_of(
        line.replace(".", ",") if "-->" in line and line.count(".") == 2 and "," not in line else line
    )
    if not isinstance(times, tuple):
        reason = times or "not the times of a cue"
        problems.tell(at, reason, "\n".join([line, *body]), lost=True)
        return
    start_ms, end_ms, _, odd = times
    odd = ", ".join(part for part in odd.split(", ") if part and part != "no hours")
    if "," in line.partition("-->")[0]:
        odd = ", ".join(filter(None, (odd, "a comma before the thousandths")))
    if odd:
        problems.tell(at, odd, line)
    position = " ".join(line.partition(">")[2].split()[1:])
    speaker, text = _voice("\n".join(body))
    if not body:
        problems.tell(at, "the cue has no text")
    number = len(cues) + 1
    index = int(label) if label.isascii() and label.isdigit() and len(label) < 10 else number
    cues.append(
        SubtitleText(
            index=index,
            start_ms=start_ms,
            end_ms=end_ms,
            text=_plain(text),
            position=position,
            label="" if label == str(index) else label,
            speaker=speaker,
        )
    )


def _voice(text: str) -> tuple[str, str]:
    """(speaker, text) where one voice says it all; else ("", text as it is)."""
    match = _VOICE.match(text)
    if match is None:
        return "", text
    rest = text[match.end() :].removesuffix("</v>")
    name = " ".join(html.unescape(match[1]).split())
    return ("", text) if _VOICES.search(rest) or not name else (name, rest)


def _plain(text: str) -> str:
    """Character references as characters, outside of tags."""
    return unstuffed(_between_tags(text, html.unescape), arrows=False)


def _between_tags(text: str, change: Callable[[str], str]) -> str:
    parts = []
    last = 0
    for tag in _TAG.finditer(text):
        parts += [change(text[last : tag.start()]), tag[0]]
        last = tag.end()
    return "".join([*parts, change(text[last:])])


# --- writing -------------------------------------------------------------------------------------


def write_vtt(
    cues: Iterable[SubtitleText],
    *,
    header: str = "",
    blocks: Sequence[Block] = (),
    crlf: bool = False,
    labels: bool = True,
) -> str:
    """Cues -> WebVTT text; encode it as UTF-8. `header` and `blocks` are as `read_vtt` gave them.

    A cue's speaker becomes a voice tag, unless its text has one. `labels` puts each cue's label or number
    before it. `read_vtt` gives times, texts and speakers back as they were; a text that itself begins with
    a voice tag comes back as that speaker's.

    Raises:
        InvalidJob: a cue begins before 0 or ends before it begins.
    """
    head = unified(header).split("\n")
    parts = ["\n".join([f"WEBVTT {head[0]}".strip(), *head[1:]])]
    waiting = sorted(blocks, key=lambda b: b.before)
    for count, cue in enumerate(cues):
        while waiting and waiting[0].before <= count:
            parts.append(_block(waiting.pop(0)))
        check_times(cue)
        name = " ".join(cue.label.replace("-->", "->").split()) or str(cue.index)
        times = f"{clock(cue.start_ms, '.')} --> {clock(cue.end_ms, '.')}"
        place = " ".join(cue.position.replace("-->", "").split())
        rows = [name] if labels else []
        rows.append(f"{times} {place}" if place else times)
        if text := _marked_up(cue):
            rows.append(text)
        parts.append("\n".join(rows))
    parts += [_block(block) for block in waiting]
    text = "\n\n".join(parts) + "\n"
    return text.replace("\n", "\r\n") if crlf else text


def _block(block: Block) -> str:
    separator = "\n" if "\n" in block.text or block.kind != "NOTE" else " "
    return f"{block.kind}{separator}{block.text}"


def _marked_up(cue: SubtitleText) -> str:
    text = stuffed(unified(cue.text), arrows=False)
    escaped = partial(html.escape, quote=False)
    body = _between_tags(text, escaped)
    name = escaped(" ".join(cue.speaker.split()))
    return f"<v {name}>{body}" if name and not _VOICES.search(text) else body
