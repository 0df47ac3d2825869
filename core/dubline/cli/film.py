"""What a command is given to work on: a film, or the run folder of one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from dubline.cli.asking import Asked
from dubline.cli.options import argument
from dubline.errors import InvalidJob
from dubline.values.layout import OLD_LOCK, Layout
from dubline.values.timeline import FileMedia

if TYPE_CHECKING:
    from dubline.media.original import Sighting

Film = Annotated[
    Path,
    argument(
        "A video, a sound file, or the run folder of one (EPISODE.dubline). It is only read. Put -- "
        "before a name that begins with -."
    ),
]


class Place(NamedTuple):
    """Where to work and on what; `media` is None for the run of a timeline."""

    root: Path
    media: FileMedia | None

    @classmethod
    def of_job(cls, asked: Asked) -> Place:
        """The film that a job file names."""
        from msgspec.structs import replace

        assert asked.media is not None
        media = replace(asked.media, track=asked.track or asked.media.track)
        return cls(asked.out or beside(Path(media.path)), media)

    def look(self) -> Sighting:
        """Probe the film; where no track is named, it is the one that the run has."""
        from dubline.media.original import look_again, look_at

        return look_again(self.root) if self.media is None else look_at(self.media, self.root)


def place_of(film: Path, asked: Asked) -> Place:
    """The run folder and the film of what a command is given.

    Raises:
        InvalidJob: it is a run folder that does not know its film; a track of a timeline is named.
    """
    from msgspec.structs import replace

    from dubline.media.original import media_of

    if not is_run(film):
        media = film.absolute()
        if asked.out is not None:
            _check_of(asked.out, media)
        return Place(asked.out or beside(media), FileMedia(path=media.as_posix(), track=asked.track))
    known = media_of(film)
    if known is None and (asked.track or asked.out):
        raise InvalidJob("this run is of a timeline", hint="Leave out --track and --out.")
    if known is not None and asked.track:
        known = replace(known, track=asked.track)
    return Place(asked.out or film, known)


def _check_of(root: Path, film: Path) -> None:
    """Refuse the run of another film.

    Raises:
        InvalidJob: it is one.
    """
    from dubline.media.film_place import file_of, is_same, original_in
    from dubline.run import read_manifest

    file, known = file_of(original_in(root)), read_manifest(root).film
    if file is None or Path(file.path) == film or not film.is_file():
        return
    if not is_same(film, file.fingerprint, known.content if known is not None else ""):
        raise InvalidJob(
            f"{root.name} is the run of {Path(file.path).name}, not of {film.name}",
            hint="Leave out --out, or name another folder.",
        )


def run_of(given: Path) -> Path:
    """The run folder that is given, or that of the film that is given."""
    return given if given.is_dir() or not given.exists() else beside(given.absolute())


def is_run(path: Path) -> bool:
    """Whether a path is that of a run folder."""
    return Layout(path).is_run


def at_work(root: Path) -> bool:
    """Whether a Dubline is working in a run folder."""
    from filelock import FileLock, Timeout

    for lock in filter(Path.exists, (Layout(root).lock, root / OLD_LOCK)):
        try:
            with FileLock(lock, timeout=0):
                pass
        except Timeout:
            return True
        except OSError:
            continue
    return False


def beside(media: Path) -> Path:
    """The run folder that a film has by custom."""
    return media.with_name(f"{media.stem or media.name}.dubline")


RunFolder = Annotated[
    Path, argument("A run folder (EPISODE.dubline), or the film that it is of.", callback=run_of)
]


BEST = (".mp4", ".mov", ".mkv", ".wav", ".m4a", ".html", ".srt", ".vtt", ".json")


def best_first(files: Iterable[Path]) -> list[Path]:
    """Files as a person wants them: the finished film, its sound, what is to be read, the data, folders."""

    def place(path: Path) -> tuple[bool, int]:
        return not path.name.startswith("final"), (*BEST, path.suffix).index(path.suffix)

    return sorted(files, key=place)
