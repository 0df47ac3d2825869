"""Advanced SubStation Alpha: what Aegisub, and players through libass, read.

Times have hundredths of a second, so a time is rounded to the nearest ten milliseconds; nothing else is
lost. Speakers go to the Name field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from dubline.subtitles.cues import BREAKS, WEBVTT_TAG, SubtitleText, unified
from dubline.subtitles.srt import check_times
from dubline.timebase import whole

STYLES = (
    "[V4+ Styles]\n"
    "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, "
    "Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, "
    "MarginL, MarginR, MarginV, Encoding\n"
)
"""What stands before a script's styles."""
EVENTS = "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
"""What stands before its lines."""
_HEAD = f"""\
[Script Info]
ScriptType: v4.00+
WrapStyle: 0
ScaledBorderAndShadow: yes
PlayResX: 1920
PlayResY: 1080

{STYLES}\
Style: Default,Arial,64,&H00FFFFFF,&H000000FF,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,1,2,96,96,64,1

{EVENTS}"""
_MARKUP = re.compile(
    r"(?P<tag></?[ibus]>)|(?P<colour><font\s+color=[\"']?#(?P<rgb>[0-9a-f]{6})[\"']?\s*>)|(?P<end></font>)"
    r"|(?P<ass>\{\\[^{}\n]*\})|(?P<mark>[{}\\\n])"
    rf"|(?P<vtt>{WEBVTT_TAG})",
    re.IGNORECASE,
)


def write_ass(cues: Iterable[SubtitleText]) -> str:
    """Cues -> an ASS script with one style; encode it as UTF-8.

    <i>, <b>, <u>, <s> and <font color="#rrggbb"> become overrides, ASS overrides stay. Other braces are
    written with a backslash, as libass reads them; a backslash of the text gets a word joiner (U+2060)
    after it, so that it begins no code. Line breaks are \\N. Tags that only WebVTT has are left out.

    Raises:
        InvalidJob: a cue begins before 0 or ends before it begins.
    """
    rows = []
    for cue in cues:
        check_times(cue)
        name = " ".join(cue.speaker.replace(",", ";").split())
        times = f"{_clock(cue.start_ms)},{_clock(cue.end_ms)}"
        text = _MARKUP.sub(_override, unified(cue.text).translate(BREAKS))
        rows.append(f"Dialogue: 0,{times},Default,{name},0,0,0,,{text}\n")
    return _HEAD + "".join(rows)


def _clock(ms: int) -> str:
    hundredths = whole(Fraction(ms, 10))
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 100:02d}.{rest % 100:02d}"


def _override(match: re.Match[str]) -> str:
    if tag := match["tag"]:
        return f"{{\\{tag[-2].lower()}{0 if tag[1] == '/' else 1}}}"
    if rgb := match["rgb"]:
        return f"{{\\c&H{rgb[4:6]}{rgb[2:4]}{rgb[:2]}&}}".upper().replace("\\C", "\\c")
    if match["end"]:
        return "{\\c}"
    if match["vtt"]:
        return ""
    if match["ass"]:
        return match["ass"]
    return {"\n": "\\N", "{": "\\{", "}": "\\}", "\\": "\\\u2060"}[match["mark"]]
