"""Packets into samples of one format, whatever the stream does on its way.

A broadcast goes from stereo to 5.1 with its programme, a podcast has a jingle of another rate glued in front,
and a damaged packet gives nothing. `pieces` turns all of that into float blocks of one rate and layout.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dubline.media.timestamps import as_float

if TYPE_CHECKING:
    from av.container import InputContainer
    from numpy.typing import NDArray

    Block = NDArray[np.float32]  # (channels, samples)

_CHANGEABLE = {"mp3", "aac", "ac3", "eac3", "dts", "truehd", "loas", "mpegts", "mpeg"}
"""Demuxers of streams whose every packet says its own format."""
_SPOTS = 5  # places of a file that are asked for its main format


class Format(NamedTuple):
    """Samples a second, and FFmpeg's name of the layout."""

    rate: int
    layout: str

    def __str__(self) -> str:
        return f"{self.rate} Hz, {self.layout}"


class Piece(NamedTuple):
    """`samples` are (channels, n); `time` is in seconds on the container's clock, None where it is not told;
    `exact` is False where they had to be rounded to float32."""

    time: Fraction | None
    samples: Block
    exact: bool = True


def packets(container: InputContainer, stream: Any) -> Iterator[tuple[Any, list[Any] | None]]:
    """Packets and the frames in each; None instead of frames for one that is damaged."""
    import av

    packet = None
    for _ in range(1000):  # a reader that fails may be able to go on behind the damage
        try:
            for packet in container.demux(stream):
                try:
                    yield packet, packet.decode()
                except av.FFmpegError:
                    yield packet, _without_tags(stream, packet)
            return
        except av.FFmpegError:
            if packet is None:
                return
            yield packet, None


def _without_tags(stream: Any, packet: Any) -> list[Any] | None:
    """The frames in a packet that did not decode, where only a tag stood in its way: MP3 files that were
    joined have inside what each began with (ID3, section 3.1; Xing's and Fraunhofer's frames hold no sound).
    """
    import av

    data = bytes(packet) if packet.size else b""
    if data[:3] == b"ID3" and len(data) > 10:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
        data = data[10 + size :]
        if not data:
            return []
    if data[:1] == b"\xff" and any(tag in data[:64] for tag in (b"Xing", b"Info", b"VBRI")):
        return []
    if len(data) == packet.size:
        return None
    rest = av.Packet(data)
    rest.pts, rest.dts, rest.time_base = packet.pts, packet.dts, packet.time_base
    try:
        return list(stream.codec_context.decode(rest))
    except av.FFmpegError:
        return None


def main_format(container: InputContainer, stream: Any) -> Format:
    """The format that a stream has at most of a few places; its header's where it cannot change.

    Moves the place at which `container` is read.
    """
    import av

    header = Format(stream.rate, stream.layout.name)
    if not (container.duration and _CHANGEABLE & set(container.format.name.split(","))):
        return header
    found: list[Format] = []
    for spot in range(_SPOTS):
        with suppress(av.FFmpegError):
            container.seek((container.start_time or 0) + container.duration * (2 * spot + 1) // (2 * _SPOTS))
            heard = (frame for _, frames in packets(container, stream) for frame in frames or ())
            frame = next(heard, None)
            if frame is not None:
                found.append(Format(frame.sample_rate, frame.layout.name))
    # The first of those that are met equally often.
    return Counter(found).most_common(1)[0][0] if found else header


class Converter:
    """Frames of any format -> pieces of one, `wanted`; `seconds` counts what came in another one."""

    def __init__(self, wanted: Format, channels: int) -> None:
        self._wanted, self._channels = wanted, channels
        self._resampler: Any = None
        self._source: tuple[str, Format] | None = None
        self.seconds: dict[Format, float] = {}

    def take(self, frame: Any) -> Iterator[Piece]:
        """What a frame gives, and what was held of the frames before it."""
        import av

        if (frame.sample_rate, frame.layout.nb_channels) == (self._wanted.rate, self._channels):
            yield from self.rest()
            yield _piece(frame, self._channels)
            return
        here = Format(frame.sample_rate, frame.layout.name)
        source = (frame.format.name, here)
        self.seconds[here] = self.seconds.get(here, 0.0) + frame.samples / frame.sample_rate
        if source != self._source:
            yield from self.rest()
            # Between one channel and two FFmpeg changes the level by 3 dB: that is done here.
            few = max(frame.layout.nb_channels, self._channels) <= 2
            layout = frame.layout.name if few else self._wanted.layout
            self._resampler = av.AudioResampler("fltp", layout, self._wanted.rate)
            self._source = source
        yield from self._converted(frame)

    def rest(self) -> Iterator[Piece]:
        """What is still held."""
        if self._resampler is not None:
            yield from self._converted(None)
            self._resampler = self._source = None

    def notes(self) -> list[str]:
        """What a person should know of it."""
        if not self.seconds:
            return []
        other = "; ".join(f"{seconds:.3f} s in {here}" for here, seconds in self.seconds.items())
        return [f"the sound changes its format on the way ({other}); all of it was brought to {self._wanted}"]

    def _converted(self, frame: Any) -> Iterator[Piece]:
        for out in self._resampler.resample(frame):
            piece = _piece(out, out.layout.nb_channels)
            samples = piece.samples
            if samples.shape[0] > self._channels:
                samples = samples.mean(axis=0, keepdims=True, dtype=np.float32)
            yield piece._replace(samples=np.repeat(samples, self._channels // samples.shape[0], axis=0))


def looking_ahead(
    entries: Iterable[Piece | None], seconds: float, rate: int
) -> Iterator[tuple[Piece | None, deque[Piece | None]]]:
    """Each with those that follow it, for at least so many seconds."""
    ahead: deque[Piece | None] = deque()
    held = 0
    for entry in entries:
        ahead.append(entry)
        held += entry.samples.shape[1] if entry is not None else 0
        while held - (ahead[0].samples.shape[1] if ahead[0] is not None else 0) >= seconds * rate:
            first = ahead.popleft()
            held -= first.samples.shape[1] if first is not None else 0
            yield first, ahead
    while ahead:
        yield ahead.popleft(), ahead


def _piece(frame: Any, channels: int) -> Piece:
    samples, exact = as_float(_samples(frame), channels)
    time = (
        None if frame.pts is None else frame.pts * Fraction(frame.time_base or Fraction(1, frame.sample_rate))
    )
    return Piece(time, samples, exact)


def _samples(frame: Any) -> NDArray[Any]:
    """A frame's samples as PyAV gives them.

    PyAV reads beyond the frame where its channels lie apart (planar) and are eight or more; such a frame is
    laid side by side first, which changes no sample.
    """
    import av

    if frame.format.is_planar and frame.layout.nb_channels >= 8:
        (frame,) = av.AudioResampler(format=frame.format.packed.name).resample(frame)
    samples: NDArray[Any] = frame.to_ndarray()
    return samples
