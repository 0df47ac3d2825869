"""Subtitles as tracks of a film: timed text in MP4 and MOV, SubRip in Matroska."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from dubline.language.markup import unmark
from dubline.subtitles.ass import EVENTS, STYLES
from dubline.values.base import Value

if TYPE_CHECKING:
    from av.container import OutputContainer

_MS = Fraction(1, 1000)
# What FFmpeg's encoder makes the track's description of; the style is what players show by themselves.
_STYLE = f"""[Script Info]
ScriptType: v4.00+
PlayResX: 384
PlayResY: 288

{STYLES}\
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

{EVENTS}""".encode()


class TextTrack(Value, frozen=True):
    """A language's subtitles: `cues` are (start, end, text), in ms from the first picture, in order.

    `title` names the track for a viewer.
    """

    language: str
    title: str
    cues: tuple[tuple[int, int, str], ...]


def text_stream(container: OutputContainer, kind: str) -> Any:
    """A track for subtitles in such a container ("mp4", "mov" or "matroska")."""
    stream: Any = container.add_stream("subrip" if kind == "matroska" else "mov_text")
    stream.time_base = _MS
    stream.codec_context.subtitle_header = _STYLE
    return stream


def text_packets(track: TextTrack, kind: str, zero: Fraction) -> Iterator[Any]:
    """The packets of a track, in order of time; `zero` is the first picture on the container's clock.

    Of cues that lie over each other the first ends where the next begins: a track holds one at a time.
    """
    import av

    cues = sorted(track.cues)
    for (start, end, text), later in zip(cues, [*cues[1:], (2**53, 0, "")], strict=True):
        plain = "\n".join(unmark(row).plain for row in text.split("\n"))
        data = (text if kind == "matroska" else plain).encode()
        # MP4 counts the bytes before them, in 16 bits.
        packet = av.Packet(
            data if kind == "matroska" else len(data[:65535]).to_bytes(2, "big") + data[:65535]
        )
        packet.time_base = _MS
        packet.pts = packet.dts = start + round(zero / _MS)
        packet.duration = max(min(end, later[0]) - start, 1)
        yield packet
