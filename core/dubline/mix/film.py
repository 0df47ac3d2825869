"""The film that a run's sound came from, and the step that puts the dub beside its original sound."""

from __future__ import annotations

from pathlib import Path

from dubline.errors import FFmpegError, InvalidJob
from dubline.media.sound import check_readable, require_space
from dubline.mix.encode import mux
from dubline.mix.text_tracks import TextTrack
from dubline.run import Work, step
from dubline.values.base import Value
from dubline.values.media import Media, Original

KINDS = (".mp4", ".m4v", ".mov", ".mkv")
"""Files in which this version or one before has written a film."""
LARGEST_UNASKED = 4 * 10**9
"""Bytes of a film of which another copy is only written where a person asks for it."""
_MP4 = {"h264", "hevc", "av1", "mpeg4", "vp9"}, {"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}
_MOV = _MP4[0] | {"prores", "dnxhd", "mjpeg", "mpeg2video", "dvvideo", "qtrle", "cfhd"}, {
    "aac", "mp3", "ac3", "eac3", "alac"
}  # fmt: skip


class Film(Value, frozen=True):
    """A film, and the number of the audio track (from 0) that was worked on."""

    media: Media
    track: int

    @property
    def container(self) -> str:
        """ ".mp4" where players take its picture and sound, ".mov" for what editors make, else ".mkv"."""
        picture = self.media.video.codec if self.media.video is not None else ""
        sound = self.media.audio[self.track].codec
        if picture in _MP4[0] and sound in _MP4[1]:
            return ".mp4"
        pcm = sound.startswith("pcm_") and not sound.endswith("dvd")
        return ".mov" if picture in _MOV[0] and (sound in _MOV[1] or pcm) else ".mkv"


class Muxed(Value, frozen=True):
    """The film with both languages: a file of the run."""

    path: str


def film_of(original: Original | None) -> Film | None:
    """The film that a run's sound was extracted from; None where it came from elsewhere."""
    if original is None or original.media is None or original.media.video is None:
        return None
    return Film(media=original.media, track=original.track)


def copy_is_too_large(media: Media) -> str:
    """A sentence, where a copy of a film with the dub is only written if a person asks for it; else ""."""
    size = Path(media.path).stat().st_size
    if size <= LARGEST_UNASKED:
        return ""
    return f"the film has {size / 1e9:.1f} GB, so no copy with the dub is written; --mux writes it"


@step("mux", version=2)
def mux_film(
    work: Work, film: Film, dub: str, languages: tuple[str, str], subtitles: tuple[TextTrack, ...]
) -> Muxed:
    """The film with its original sound and the dub (an AAC file of the run) as tracks in these languages, and
    with subtitles. Where the kind of file that it should be does not take what the film holds, it is .mkv.

    Raises:
        ValidationError: the film is gone.
        InvalidJob, FFmpegError, StorageFull: see `mux`.
        Cancelled: the report asked to stop.
    """
    video, sound = Path(film.media.path), work.open(dub)
    check_readable(video)
    require_space(work.root, video.stat().st_size + sound.stat().st_size, "the film")

    def written(suffix: str) -> Muxed:
        out = work.folder / f"final{suffix}"
        for left in mux(
            video, film.track, sound, out, languages=languages, subtitles=subtitles, report=work.report
        ):
            work.note(left, warn=True)
        return Muxed(path=work.result(out.name))

    if film.container == ".mkv":
        return written(".mkv")
    try:
        return written(film.container)
    except (InvalidJob, FFmpegError) as error:
        muxed = written(".mkv")
        work.note(
            f"the film was written as .mkv, since {film.container} does not take it: {error}", warn=True
        )
        return muxed
