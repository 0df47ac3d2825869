"""What Kdenlive and Shotcut share: both write MLT XML, and both play it with the MLT framework.

Facts that the files depend on, each seen in melt 7.12 with the channels of its output solved for:

    frames      times are whole frames; `in` and `out` are both played, so out = in + frames - 1
    sound       tracks are heard together only through `mix` transitions with sum=1 and always_active=1
    mono        in a stereo project a mono file sounds from both sides 3.01 dB lower than it is, which a gain
                on its clips takes back; in a 5.1 project it sounds from the centre as it is
    stereo      in a 5.1 project it sounds from the left and right front, unchanged
    5.1         in a stereo project it would be mixed down and lowered, so such a project has 6 channels
    length      a `color` producer without a length is ten minutes long
    producer    one that stands on two tracks is sought back and forth, so each track has its own
    samples     at 29.97 five frames have 8008 samples, each 1601 or 1602 in an order of MLT's own: a cut
                between them lies within a sample of where it should
    seeking     a sound file played from its beginning, with gaps or without, is exact to the sample; one that
                is entered elsewhere is off by up to a packet of it (682 samples of a 24 bit stereo wav), and
                a clip of one frame can hold another frame's sound
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

from dubline.files import file_name, write_whole
from otio_dubline.exporters.lanes import Cue, Laid, Lane, Piece
from otio_dubline.exporters.markup import clean
from otio_dubline.exporters.media_files import File
from otio_dubline.reading import PICTURES

MLT_VERSION = "7.12.0"
MONO_IN_STEREO_DB = 3.010299957
"""20 * log10(sqrt(2)): what MLT takes from a mono file in a stereo project."""
LOWEST_DB, HIGHEST_DB = -100.0, 50.0
"""What the volume filters of both editors allow."""
COLOURS = {
    "RED": "#d40000",
    "PINK": "#ff80c0",
    "ORANGE": "#f08000",
    "YELLOW": "#f0d000",
    "GREEN": "#2fa04f",
    "CYAN": "#20b0c0",
    "BLUE": "#2f60d0",
    "PURPLE": "#8040b0",
    "MAGENTA": "#d020a0",
    "BLACK": "#202020",
    "WHITE": "#f0f0f0",
}
"""OTIO's colours as the editors show them."""


def properties(element: ET.Element, values: dict[str, str | int]) -> ET.Element:
    """Add a `<property>` for each value; returns the element."""
    for name, value in values.items():
        ET.SubElement(element, "property", {"name": name}).text = clean(str(value))
    return element


def timed(parent: ET.Element, tag: str, frames: int, first: int = 0, **attributes: str) -> ET.Element:
    """Add an element that plays `frames` frames from `first` on; returns it."""
    span = {"in": str(first), "out": str(first + frames - 1)}
    return ET.SubElement(parent, tag, {**attributes, **span})


def root(laid: Laid) -> ET.Element:
    """`<mlt>` with the profile: exact rate, the picture's size; 1920 x 1080 where there is none."""
    size = next((f for f in laid.files() if f.width and f.height), File(path="", width=1920, height=1080))
    if not size.path and any(lane.pieces for lane in laid.lanes if not lane.sound):
        laid.note("The size of the picture is not known: the project is 1920 x 1080. Set it in the project.")
    width, height = size.width + size.width % 2, size.height + size.height % 2
    shown = Fraction(width, height) * size.pixel_aspect
    mlt = ET.Element(
        "mlt", {"LC_NUMERIC": "C", "version": MLT_VERSION, "title": clean(laid.name), "producer": "main_bin"}
    )
    ET.SubElement(
        mlt,
        "profile",
        {
            "description": f"{width}x{height} {float(laid.fps):.2f} fps",
            "width": str(width),
            "height": str(height),
            "progressive": "1",
            "sample_aspect_num": str(size.pixel_aspect.numerator),
            "sample_aspect_den": str(size.pixel_aspect.denominator),
            "display_aspect_num": str(shown.numerator),
            "display_aspect_den": str(shown.denominator),
            "frame_rate_num": str(laid.fps.numerator),
            "frame_rate_den": str(laid.fps.denominator),
            "colorspace": "709" if height >= 720 else "601",
        },
    )
    return mlt


def channels_of(laid: Laid) -> int:
    """The project's channels: 2, or 6 where any sound has more than two; says what that costs."""
    files = [p.file for lane in laid.lanes if lane.sound for p in lane.pieces]
    most = max((file.channels for file in files), default=2)
    if most > 6:
        laid.lose(f"Sounds of {most} channels are mixed down to 5.1.")
    for rate in sorted({f.sample_rate for f in files} - {0, 48000}):
        laid.note(f"Sounds at {rate} Hz are resampled to 48000 Hz when played.")
    if any(p.first for lane in laid.lanes if lane.sound for p in lane.pieces):
        laid.note("Sounds that begin inside their file can be off by less than a frame: MLT seeks no finer.")
    if most > 2:
        laid.note("The project has six channels (5.1); choose 5.1 when rendering.")
    return 6 if most > 2 else 2


def lengths_of(pieces: Iterable[Piece]) -> dict[str, int]:
    """Path -> frames of its producer: the whole file, or as much as the clips use where it is longer."""
    lengths: dict[str, int] = {}
    for piece in pieces:
        path = piece.file.path
        lengths[path] = max(lengths.get(path, 0), piece.file.frames, piece.first + piece.frames)
    return lengths


def producer(element: ET.Element, name: str, file: File, frames: int) -> ET.Element:
    """A `<producer>` for a file. It is opened when first played: the project loads where media are away."""
    service = "qimage" if Path(file.path).suffix.lower() in PICTURES else "avformat-novalidate"
    made = timed(element, "producer", frames, id=name)
    return properties(made, {"length": frames, "eof": "pause", "resource": file.path, "mlt_service": service})


def bin_producers(element: ET.Element, laid: Laid) -> Iterator[tuple[ET.Element, File, int]]:
    """Add a producer of each file for the list of all media; gives it, the file, and its frames."""
    lengths = lengths_of(piece for lane in laid.lanes for piece in lane.pieces)
    for place, file in enumerate(laid.files()):
        yield producer(element, f"bin{place}", file, lengths[file.path]), file, lengths[file.path]


def own_producers(element: ET.Element, number: int, lane: Lane) -> Iterator[tuple[ET.Element, Piece]]:
    """Add a producer of lane `number`'s own for each file on it; gives each with the first piece of it."""
    lengths = lengths_of(lane.pieces)
    firsts = {piece.file.path: piece for piece in reversed(lane.pieces)}
    for place, (path, frames) in enumerate(lengths.items()):
        piece = firsts[path]
        yield producer(element, f"clip{number}_{place}", piece.file, frames), piece


def black(element: ET.Element, name: str, frames: int) -> ET.Element:
    """The ground on which everything lies: as long as the programme, and silent."""
    return properties(
        timed(element, "producer", frames, id=name),
        {
            "length": frames,
            "eof": "continue",
            "resource": "black",
            "mlt_service": "color",
            "mlt_image_format": "rgba",
            "set.test_audio": 0,
        },
    )


def fill(
    playlist: ET.Element, lane: Lane, names: dict[str, str], length: int
) -> Iterator[tuple[ET.Element, Piece]]:
    """Put a lane's pieces, and blanks between, into a `<playlist>`; gives each `<entry>` with its piece.

    `names`: path -> id of the producer. The playlist is `length` frames long.
    """
    at = 0
    for piece in lane.pieces:
        if piece.start > at:
            ET.SubElement(playlist, "blank", {"length": str(piece.start - at)})
        entry = timed(playlist, "entry", piece.frames, piece.first, producer=names[piece.file.path])
        at = piece.start + piece.frames
        yield entry, piece
    if at < length:
        ET.SubElement(playlist, "blank", {"length": str(length - at)})


def volume(element: ET.Element, db: float, values: dict[str, str | int]) -> None:
    """A `<filter>` that changes the level by `db`."""
    held = min(max(db, LOWEST_DB), HIGHEST_DB)
    made = ET.SubElement(element, "filter")
    properties(
        made, {"mlt_service": "volume", "window": 75, "max_gain": "20dB", "level": f"{held:.6f}", **values}
    )


def clip_gain(piece: Piece, channels: int) -> float:
    """The gain in dB of a clip: its own, and what makes a mono file in a stereo project as loud as it is."""
    return piece.level_db + (MONO_IN_STEREO_DB if piece.file.channels == 1 and channels == 2 else 0.0)


def transition(tractor: ET.Element, service: str, track: int, values: dict[str, str | int]) -> None:
    """A `<transition>` from the ground (track 0) to a track."""
    made = ET.SubElement(tractor, "transition")
    properties(
        made,
        {"a_track": 0, "b_track": track, "mlt_service": service, "always_active": 1, **values},
    )


def write(element: ET.Element, path: Path) -> None:
    """Write the document, indented, in UTF-8."""
    ET.indent(element, " ")
    write_whole(path, ET.tostring(element, encoding="utf-8", xml_declaration=True))


# --- subtitles -----------------------------------------------------------------------------------


def with_speaker(cue: Cue) -> str:
    """ "Ayşe: Nerede kaldın?" """
    return f"{cue.speaker}: {cue.text}" if cue.speaker else cue.text


def shown_language(laid: Laid) -> str:
    """The language to show first: a translation if there is one, else the first."""
    for language, cues in laid.cues.items():
        if any(cue.text != cue.source_text for cue in cues):
            return language
    return next(iter(laid.cues), "")


def write_subtitles(cues: list[Cue], fps: Fraction, path: Path) -> None:
    """An SRT file, the speaker before each text."""
    from dubline.subtitles.cues import SubtitleText, frame_to_ms
    from dubline.subtitles.srt import write_srt

    texts = [
        SubtitleText(
            index=n, start_ms=frame_to_ms(c.start, fps), end_ms=frame_to_ms(c.end, fps), text=with_speaker(c)
        )
        for n, c in enumerate(cues, 1)
    ]
    write_whole(path, write_srt(texts).encode("utf-8"))


def sidecars(laid: Laid, folder: Path, name: str) -> list[str]:
    """An SRT file for each language; their names."""
    files = []
    for language, cues in laid.cues.items():
        if cues:
            files.append(f"{name}.{file_name(language)}.srt")
            write_subtitles(cues, laid.fps, folder / files[-1])
    return files
