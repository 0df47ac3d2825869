"""`report.html` on top of a run folder: what was made, by whom, and what a person should look at first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dubline.errors import DublineError, InvalidJob
from dubline.exchange.report_html import Made, Page, page_html
from dubline.exchange.report_models import Used
from dubline.files import full_disk_is_told, write_whole
from dubline.media.film_place import ORIGINAL
from dubline.programme.publications import noted, published
from dubline.programme.reading import read_programme, read_translations
from dubline.programme.subtitle_files import SOURCE
from dubline.recognition.origin import origin_of
from dubline.recognition.publish import sample_files
from dubline.recognition.samples import write_samples
from dubline.run import Manifest, read_manifest, standing
from dubline.values.dubbed import Dub, read_dubs
from dubline.values.languages import language_name
from dubline.values.layout import Layout
from dubline.values.media import Original
from dubline.values.stems import Stems
from dubline.values.transcript import Engine, Transcript, read_transcript
from dubline.values.translated import Translation


def write_report(root: Path) -> Path:
    """The report of a run as it stands, and the speakers' samples where they are not there or older than the
    transcript; returns its path.

    Raises:
        InvalidJob: there is nothing in the run yet, or a damaged file.
        StorageFull.
    """
    if not root.is_dir():
        raise InvalidJob(f"there is no run folder {root}", hint="Give the folder, such as EPISODE.dubline.")
    told, subtitles = _notes(read_manifest(root)), _subtitles(Layout(root))
    (place,) = published(root, "report", lambda: [_written(root)], reads=subtitles, tells=told)
    return place


def _notes(manifest: Manifest) -> tuple[str, ...]:
    """What the steps that the run stands on have noted."""
    last = {record.name: record for record in manifest.steps if record.state in ("done", "kept")}
    return tuple(dict.fromkeys(note for record in last.values() for note in record.notes))


def _subtitles(here: Layout) -> list[Path]:
    return sorted(here.subtitles.glob("*.srt"))


def _written(root: Path) -> Path:
    here, manifest = Layout(root), read_manifest(root)
    transcript = read_transcript(here.transcript) if here.transcript.is_file() else None
    translations, dubs = read_translations(root), read_dubs(root)
    programme = read_programme(root)
    original, stems = standing(root, ORIGINAL, Original), standing(root, "stems", Stems)
    media = original.media if original is not None else None
    film = Path(media.path if media is not None else original.sound.path).name if original is not None else ""
    page = Page(
        name=programme.name,
        film=film,
        made=tuple(_made(here, stems, bool(dubs))),
        picture=here.named(here.picture) if here.picture.is_file() else "",
        transcript=transcript,
        samples=_samples(here, transcript) if transcript is not None else {},
        translations=translations,
        dubs=dubs,
        marks=programme.marks,
        doubts=programme.notes,
        notes=_notes(manifest),
        used=tuple(_used(stems, transcript, translations, dubs)),
        version=manifest.dubline,
    )
    with full_disk_is_told(root):
        write_whole(here.report, page_html(page).encode())
    return here.report


def _made(here: Layout, stems: Stems | None, dubbed: bool) -> Iterator[Made]:
    """The files that a person looks for, the best first."""
    mix = "the dub" if dubbed else "the film's own voices over its background"
    sounds = {".wav": mix, ".m4a": f"{mix}, compressed"}
    finals = sorted(here.root.glob(f"{here.final('').name}*"))
    for path in sorted(finals, key=lambda path: (path.suffix in sounds, path.name)):
        yield from _file(here, path, sounds.get(path.suffix, "the film with both languages"))
    yield from _file(here, here.m_and_e, "music and effects, without voices")
    for path in _subtitles(here):
        what = "subtitles of what is said in the film" if path.stem == SOURCE else "subtitles"
        yield from _file(here, path, "lines to translate" if ".to-translate." in path.name else what)
    for path in here.translations():
        yield from _file(here, path, "the translation, to be edited")
    yield from _file(here, here.transcript, "who says what, and when")
    yield from _file(here, here.timeline, "the timeline, for programs that read OpenTimelineIO")
    for stem in stems.stems if stems is not None else ():
        yield from _file(here, here.stem(stem.name), stem.label)
    for folder in sorted(path for path in here.exports.glob("*") if path.is_dir()):
        yield Made(f"{here.named(folder)}/", "for another program")


def _file(here: Layout, path: Path, what: str) -> Iterator[Made]:
    """A file with its size; nothing where it is not there."""
    if not path.is_file():
        return
    size = float(path.stat().st_size)
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            break
        size, unit = size / 1000, {"bytes": "KB", "KB": "MB", "MB": "GB"}[unit]
    yield Made(here.named(path), what, f"{size:.{0 if unit == 'bytes' else 1}f} {unit}")


def _samples(here: Layout, transcript: Transcript) -> dict[str, str]:
    """Each speaker's sample. Without the sound that was listened to there are those of before, or none."""
    written = here.transcript.stat().st_mtime_ns
    speakers = {speaker.id for speaker in transcript.speakers}
    there = {path.stem: path for path in sample_files(here.samples) if path.stem in speakers}
    fresh = bool(there) and all(path.stat().st_mtime_ns >= written for path in there.values())
    if not fresh:
        try:
            origin = origin_of(here.root)
            if origin.sound is not None:
                sound = Path(origin.sound.path)
                there = write_samples(transcript, sound, here.samples, origin.diarized.turns)
                noted(here.root, "speakers RUN", there.values())
        except (DublineError, OSError):
            pass  # the page is about more than voices
    return {speaker: here.named(path) for speaker, path in there.items()}


def _used(
    stems: Stems | None,
    transcript: Transcript | None,
    translations: tuple[Translation, ...],
    dubs: tuple[Dub, ...],
) -> Iterator[Used]:
    if stems is not None and stems.separator is not None:
        yield Used("the stems", Engine(choice=stems.separator, models=stems.models))
    if transcript is not None:
        for part, engine in (("the speakers", transcript.diarizer), ("the words", transcript.recognizer)):
            if engine is not None:
                yield Used(part, engine)
    for translation in translations:
        if translation.translator is not None:
            yield Used(f"the translation ({translation.target_language})", translation.translator)
        for language, engine in (translation.translators or {}).items():
            part = f"its lines in {language_name(language)}"
            yield Used(f"the translation ({translation.target_language}), {part}", engine)
    for dub in dubs:
        if dub.settings.voice is not None:
            voice = Engine(choice=dub.settings.voice, models=dub.takes.models)
            yield Used(f"the voices ({dub.language})", voice)
