"""Texts that subtitle formats have trouble with, and times in milliseconds, for tests with hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from dubline.subtitles.cues import Subtitles
from dubline.subtitles.escapes import MARK

AWKWARD = st.lists(
    st.sampled_from(
        [
            "\n",
            "\n\n",
            " ",
            "-->",
            "--",
            ">",
            "1",
            "42",
            "\u2028",
            "\u2029",
            "\x85",
            "\x0b",
            "\x0c",
            "\x1c",
            MARK,
            "00:00:01,000 --> 00:00:02,000",
            "<i>",
            "</i>",
            "{\\an8}",
            "مرحبا",
            "🎬",
            "\u200f",
            "Söz",
            "\ufeff",
            "<v A>",
            "WEBVTT",
            "NOTE x",
            "&",
            "&amp;",
            "&lt;",
            "X1:1",
            "\t",
            "\xa0",
            "-",
            "->",
            "→",
            "\\N",
            "{",
            "}",
        ]
    ),
    max_size=12,
).map("".join)
TEXTS = st.one_of(AWKWARD, st.text(alphabet=st.characters(exclude_characters="\r\0", codec="utf-8")))
TIMES = st.tuples(st.integers(0, 400_000_000), st.integers(0, 400_000_000)).map(sorted)


def told(found: Subtitles) -> list[tuple[int, str, bool]]:
    return [(p.line, p.reason, p.lost) for p in found.problems]
