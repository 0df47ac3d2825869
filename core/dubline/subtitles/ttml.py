"""TTML: the text profile of the W3C's IMSC 1.0.1, as broadcasters and streaming services take it.

With a frame rate, a time that lies on a frame is written as that frame ("240f"), which is exact at 23.976
too; all others are written in thousandths of a second. Nothing is rounded. Speakers are `ttm:agent`s.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from fractions import Fraction

from dubline.subtitles.cues import BREAKS, WEBVTT_TAG, SubtitleText, frame_to_ms, ms_to_frame, unified
from dubline.subtitles.srt import check_times
from dubline.timebase import nominal

TT = "http://www.w3.org/ns/ttml"
TTP = f"{TT}#parameter"
TTS = f"{TT}#styling"
TTM = f"{TT}#metadata"
IMSC = f"{TT}/profile/imsc1/text"
XML = "http://www.w3.org/XML/1998/namespace"

_MARKUP = re.compile(
    r"(</?[ibu]>|<font\s+color=[\"']?#[0-9a-f]{6}[\"']?\s*>|</font>|\{\\[^{}\n]*\}|\n"
    rf"|{WEBVTT_TAG})",
    re.IGNORECASE,
)
_WEBVTT = re.compile(WEBVTT_TAG, re.IGNORECASE)
_STYLES = {"i": "italic", "b": "bold", "u": "underlined"}
_IMPOSSIBLE = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_ttml(cues: Sequence[SubtitleText], *, rate: Fraction | None = None, language: str = "") -> str:
    """Cues -> a TTML document as text; encode it as UTF-8.

    <i>, <b>, <u> and <font color="#rrggbb"> become spans, {\\an8} (and 7, 9) the region at the top; other
    overrides of ASS, and tags that only WebVTT has, are left out. Control characters, which XML cannot
    hold, become U+FFFD.

    Raises:
        InvalidJob: a cue begins before 0 or ends before it begins.
    """
    for prefix, space in (("", TT), ("ttp", TTP), ("tts", TTS), ("ttm", TTM)):
        ET.register_namespace(prefix, space)
    root = ET.Element(
        f"{{{TT}}}tt",
        {
            f"{{{XML}}}lang": language,
            f"{{{XML}}}space": "preserve",
            f"{{{TTP}}}timeBase": "media",
            f"{{{TTP}}}cellResolution": "32 15",
            f"{{{TTP}}}profile": IMSC,
        },
    )
    if rate is not None:
        whole_rate = nominal(rate)
        root.set(f"{{{TTP}}}frameRate", str(whole_rate))
        multiplier = rate / whole_rate
        root.set(f"{{{TTP}}}frameRateMultiplier", f"{multiplier.numerator} {multiplier.denominator}")
    agents = _head(root, cues)
    division = _in(_in(root, "body"), "div")
    for number, cue in enumerate(cues, 1):
        check_times(cue)
        line = _in(
            division,
            "p",
            begin=_time(cue.start_ms, rate),
            end=_time(cue.end_ms, rate),
            region="top" if re.search(r"\{\\an[789]\}", cue.text) else "bottom",
        )
        line.set(f"{{{XML}}}id", f"c{number}")
        if cue.speaker:
            line.set(f"{{{TTM}}}agent", agents[cue.speaker])
        _content(line, cue.text)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _in(parent: ET.Element, name: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, f"{{{TT}}}{name}", attributes)


def _head(root: ET.Element, cues: Iterable[SubtitleText]) -> dict[str, str]:
    """Styles, regions and agents; speaker -> the agent's id."""
    head = _in(root, "head")
    agents = {name: f"a{n}" for n, name in enumerate(dict.fromkeys(c.speaker for c in cues if c.speaker), 1)}
    metadata = _in(head, "metadata")
    for name, key in agents.items():
        agent = ET.SubElement(metadata, f"{{{TTM}}}agent", {f"{{{XML}}}id": key, "type": "character"})
        ET.SubElement(agent, f"{{{TTM}}}name", {"type": "alias"}).text = _possible(name)
    styling = _in(head, "styling")
    looks = {
        "plain": {"color": "white", "fontFamily": "proportionalSansSerif", "fontSize": "100%"},
        "italic": {"fontStyle": "italic"},
        "bold": {"fontWeight": "bold"},
        "underlined": {"textDecoration": "underline"},
    }
    for key, look in looks.items():
        style = _in(styling, "style")
        style.set(f"{{{XML}}}id", key)
        for name, value in look.items():
            style.set(f"{{{TTS}}}{name}", value)
    layout = _in(head, "layout")
    for key, align in (("bottom", "after"), ("top", "before")):
        region = _in(layout, "region", style="plain")
        region.set(f"{{{XML}}}id", key)
        for name, value in (("origin", "10% 10%"), ("extent", "80% 80%"), ("textAlign", "center")):
            region.set(f"{{{TTS}}}{name}", value)
        region.set(f"{{{TTS}}}displayAlign", align)
    return agents


def _time(ms: int, rate: Fraction | None) -> str:
    if rate is not None:
        frame = ms_to_frame(ms, rate)
        if frame_to_ms(frame, rate) == ms:
            return f"{frame}f"
    return f"{ms // 1000}.{ms % 1000:03d}s"


def _possible(text: str) -> str:
    return _IMPOSSIBLE.sub("\ufffd", text)


def _content(line: ET.Element, text: str) -> None:
    """A cue's text as character data, breaks and spans; a tag that is closed before its time closes all
    within it."""
    open_spans: list[tuple[str, ET.Element]] = [("", line)]
    for number, piece in enumerate(_MARKUP.split(unified(text).translate(BREAKS))):
        into = open_spans[-1][1]
        if number % 2 == 0:
            _append(into, _possible(piece))
        elif piece == "\n":
            _in(into, "br")
        elif piece.startswith("{") or _WEBVTT.fullmatch(piece):
            continue
        elif piece.startswith("</"):
            name = piece[2:-1].lower()
            if name in [n for n, _ in open_spans[1:]]:
                while open_spans.pop()[0] != name:
                    pass
        else:
            name = "font" if piece[1:5].lower() == "font" else piece[1:-1].lower()
            span = _in(into, "span")
            if name == "font":
                span.set(f"{{{TTS}}}color", re.findall(r"#[0-9a-fA-F]{6}", piece)[0])
            else:
                span.set("style", _STYLES[name])
            open_spans.append((name, span))


def _append(element: ET.Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text
