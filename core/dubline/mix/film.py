"""The film that a run's sound came from, and the step that puts the dub beside its original sound."""

from __future__ import annotations

from pathlib import Path

from dubline.errors import FFmpegError, InvalidJob
from dubline.mix.encode import mux
from dubline.run import Work, step
from dubline.values.base import Value
from dubline.values.media import Media, Original

CONTAINERS = (".mp4", ".m4v", ".mov", ".mkv")


class Film(Value, frozen=True):
    """A film, and the number of the audio track (from 0) that was worked on."""

    media: Media
    track: int

    @property
    def container(self) -> str:
        """The film's own kind of file where it can be written, else ".mkv"."""
        suffix = Path(self.media.path).suffix.lower()
        return suffix if suffix in CONTAINERS else ".mkv"


class Muxed(Value, frozen=True):
    """The film with both languages: a file of the run."""

    path: str


def film_of(original: Original | None) -> Film | None:
    """The film that a run's sound was extracted from; None where it came from elsewhere."""
    if original is None or original.media is None or original.media.video is None:
        return None
    return Film(media=original.media, track=original.track)


@step("mux", version=1)
def mux_film(work: Work, film: Film, dub: str, languages: tuple[str, str]) -> Muxed:
    """The film with its original sound and the dub (an AAC file of the run) as tracks in these languages.

    It is written in the film's own kind of file; where that does not take what the film holds, as .mkv.

    Raises:
        ValidationError: the film is gone.
        InvalidJob, FFmpegError, StorageFull: see `mux`.
        Cancelled: the report asked to stop.
    """
    video, sound = Path(film.media.path), work.open(dub)

    def written(suffix: str) -> Muxed:
        out = work.folder / f"final{suffix}"
        for left in mux(video, film.track, sound, out, languages=languages, report=work.report):
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
