"""WebVTT, read and written whole: comments, styles, regions, names of cues, settings, voices.

The reader is our own. webvtt-py drops the blocks that it does not know, joins a cue's settings to nothing,
and keeps character references as they are written; a file that is read and written would lose them.

Texts come as people read them: "&lt;" is "<", and a voice tag round the whole text is the cue's `speaker`.
Tags of WebVTT stay in the text. The format is the W3C's "WebVTT: The Web Video Text Tracks Format".
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from dubline.errors import InvalidJob
from dubline.subtitles.cues import Block, Problem, Subtitles, SubtitleText, clock, unified
from dubline.subtitles.escapes import stuffed, unstuffed
from dubline.subtitles.srt import check_times, refuse, text_of, times_of

_TAG = re.compile(
    r"</?(?:c|i|b|u|v|ruby|rt|lang|font)(?:[.\s][^<>\n]*)?>|<(?:\d+:)?\d\d:\d\d\.\d{3}>", re.ASCII
)
_VOICE = re.compile(r"<v\s+([^<>\n]+)>", re.ASCII)
_VOICES = re.compile(r"</?v[.\s>]", re.ASCII)
_KINDS = re.compile(r"(NOTE|STYLE|REGION)(?=\s|$)", re.ASCII)
_HINT = "A WebVTT file begins with the word WEBVTT; its times look like this: 00:01:02.345 --> 00:01:04.000"


def read_vtt(
    source: bytes | str | Path,
    *,
    encoding: str = "",
    language: str = "",
    strict: bool = False,
    name: str = "",
) -> Subtitles:
    """WebVTT -> its cues in the order of the file, its other blocks, and whatever was wrong with it.

    Every line with an arrow becomes a cue or a `Problem`. Text after an empty line inside a cue, which a
    browser would drop, stays with its cue, and it is said. Arguments are as for `read_srt`.

    Raises:
        InvalidJob: as `read_srt`; or the file does not begin with WEBVTT.
    """
    text, used, note, where = text_of(source, encoding, language, name or "WebVTT")
    lines = unified(text).removeprefix("\ufeff").split("\n")
    if not re.match(r"WEBVTT(?:[ \t]|$)", lines[0]):
        raise InvalidJob(f"{where}, line 1: not WEBVTT but {lines[0][:40]!r}", hint=_HINT)
    header_end = next(
        (i for i, line in enumerate(lines) if not line.strip() or (i and "-->" in line)), len(lines)
    )
    header = "\n".join([lines[0][6:].strip(), *lines[1:header_end]]).strip("\n")
    cues: list[SubtitleText] = []
    blocks: list[Block] = []
    problems: list[Problem] = []
    for at, rows in _paragraphs(lines, header_end):
        _take(at, rows, cues, blocks, problems)
    if not cues and any(p.lost for p in problems):
        first = next(p for p in problems if p.lost)
        raise InvalidJob(f"{where}, line {first.line}: {first.reason}", hint=_HINT)
    problems.sort(key=lambda p: p.line)
    refuse(problems, where, strict)
    return Subtitles(
        cues=tuple(cues),
        encoding=used,
        problems=tuple(problems),
        notes=(note,) if note else (),
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


def _take(
    at: int, rows: list[str], cues: list[SubtitleText], blocks: list[Block], problems: list[Problem]
) -> None:
    """One paragraph: a block, one cue or several, or the rest of the cue above it."""
    heads = [i for i, row in enumerate(rows) if "-->" in row]
    if not heads:  # another arrow, where the times belong
        heads = [i for i, row in enumerate(rows[:2]) if isinstance(times_of(row), tuple)][:1]
    kind = _KINDS.match(rows[0])
    if kind and (not heads or (kind[1] == "NOTE" and heads[0] > 1)):
        text = "\n".join([rows[0][len(kind[1]) :].strip(), *rows[1:]]).strip("\n")
        if kind[1] == "NOTE":
            blocks.append(Block(kind="NOTE", text=text, before=len(cues)))
        elif kind[1] == "STYLE":
            blocks.append(Block(kind="STYLE", text=text, before=len(cues)))
        else:
            blocks.append(Block(kind="REGION", text=text, before=len(cues)))
        return
    if not heads or heads[0] > 1:
        loose = rows[: heads[0] - 1] if heads else rows
        if cues:
            known = cues[-1]
            joined = "\n".join(part for part in (known.text, _plain("\n".join(loose))) if part)
            if known.text:
                joined = f"{known.text}\n\n{_plain(chr(10).join(loose))}"
            cues[-1] = _replaced(known, joined)
            problems.append(
                Problem(line=at + 1, reason="an empty line inside the text", text="\n".join(loose))
            )
        else:
            problems.append(
                Problem(line=at + 1, reason="text before the first times", text="\n".join(loose), lost=True)
            )
        if not heads:
            return
        at, rows = at + len(loose), rows[len(loose) :]
        heads = [i - len(loose) for i in heads]
    for turn, head in enumerate(heads):
        if turn == 0:
            label = rows[0].strip() if head == 1 else ""
        else:
            problems.append(
                Problem(line=at + head + 1, reason="no empty line before the cue", text=rows[head])
            )
            label = ""
        end = heads[turn + 1] if turn + 1 < len(heads) else len(rows)
        _cue(at + head, rows[head], label, rows[head + 1 : end], cues, problems)


def _replaced(cue: SubtitleText, text: str) -> SubtitleText:
    from msgspec import structs

    return structs.replace(cue, text=text)


def _cue(
    at: int, line: str, label: str, body: list[str], cues: list[SubtitleText], problems: list[Problem]
) -> None:
    times = times_of(
        line.replace(".", ",") if "-->" in line and line.count(".") == 2 and "," not in line else line
    )
    if not isinstance(times, tuple):
        reason = times or "not the times of a cue"
        problems.append(Problem(line=at + 1, reason=reason, text="\n".join([line, *body]), lost=True))
        return
    start_ms, end_ms, _, odd = times
    odd = ", ".join(part for part in odd.split(", ") if part and part != "no hours")
    if "," in line.partition("-->")[0]:
        odd = ", ".join(filter(None, (odd, "a comma before the thousandths")))
    if odd:
        problems.append(Problem(line=at + 1, reason=odd, text=line))
    position = " ".join(line.partition(">")[2].split()[1:])
    speaker, text = _voice("\n".join(body))
    if not body:
        problems.append(Problem(line=at + 1, reason="the cue has no text"))
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
    parts = []
    last = 0
    for tag in _TAG.finditer(text):
        parts += [html.unescape(text[last : tag.start()]), tag[0]]
        last = tag.end()
    return unstuffed("".join([*parts, html.unescape(text[last:])]), arrows=False)


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
    parts = []
    last = 0
    for tag in _TAG.finditer(text):
        parts += [html.escape(text[last : tag.start()], quote=False), tag[0]]
        last = tag.end()
    body = "".join([*parts, html.escape(text[last:], quote=False)])
    name = html.escape(" ".join(cue.speaker.split()), quote=False)
    return f"<v {name}>{body}" if name and not _VOICES.search(text) else body
