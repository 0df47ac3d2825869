"""What in a run does not belong together any more: it was made from something that has changed since.

Each command makes again only what it is asked for, so a run may hold the new beside the old for a while. That
is no fault; to show, mix or hand it out without a word would be one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dubline.files import typed
from dubline.language.markup import spoken_text
from dubline.language.script import base_language
from dubline.media.film_place import ORIGINAL, changed_file
from dubline.report import quantity
from dubline.run import is_damaged, read_manifest, standing
from dubline.values.dubbed import read_dubs
from dubline.values.languages import language_name
from dubline.values.layout import Layout
from dubline.values.media import Original
from dubline.values.sealed import is_whole
from dubline.values.stems import Stems
from dubline.values.transcript import Transcript, read_transcript
from dubline.values.translated import Translation, place_of

SAME_LENGTH = 1.0
"""Seconds by which a transcript and its sound may differ: a codec's padding, a picture that ends later."""


def at_odds(root: Path, translations: tuple[Translation, ...]) -> tuple[str, ...]:
    """A sentence, with its remedy, on each thing in a run that was made from what is there no more."""
    transcript = Layout(root).transcript
    known = read_transcript(transcript) if transcript.exists() else None
    return (
        *_damaged(root),
        *changed_film(root),
        *_other_sound(root, known),
        *(sentence for t in translations for sentence in changed_lines(root, known, t)),
        *_old_mixes(root),
        *_old_takes(root, translations),
    )


def _damaged(root: Path) -> Iterator[str]:
    """What is read from its copy, since it is damaged itself."""
    here = Layout(root)
    places = [here.manifest] if is_damaged(root) else []
    for place in (*places, *(path for path in here.kept_twice() if not is_whole(path))):
        yield (
            f"{here.named(place)} is damaged, and what it said comes from its copy. The next command that "
            "works in the run puts it right"
        )


def changed_film(root: Path) -> tuple[str, ...]:
    """Whether another file lies now where the run's film was."""
    file = changed_file(root)
    if file is None:
        return ()
    return (
        f"{file.name} is not the file any more that {root.name} was made of. `dubline localize` "
        "makes it again; or put the old one back",
    )


def changed_lines(root: Path, transcript: Transcript | None, translation: Translation) -> tuple[str, ...]:
    """Whether a transcript has changed since it was translated."""
    if transcript is None:
        return ()
    language = translation.target_language
    if base_language(language) == base_language(transcript.language) and "-" not in (
        language + transcript.language
    ):
        return (into_itself(root, language),)
    now = {(s.id, s.start, s.end, s.speaker, s.text, s.language) for s in transcript.segments}
    then = {(s.id, s.start, s.end, s.speaker, s.source_text, s.source_language) for s in translation.segments}
    changed = len(then - now) or len(now - then)
    if not changed:
        return ()
    return (
        f"the transcript has changed since it was translated into {language} ({quantity(changed, 'line')}). "
        f"`dubline translate {typed(root)} --to {language}` brings it up to date",
    )


def into_itself(root: Path, language: str) -> str:
    """What to do with a translation into the language that the film turned out to be in."""
    here, file = Layout(root), place_of(root, language)
    srt = (here.subtitles / f"{language}{kind}.srt" for kind in ("", ".to-translate"))
    files = " and ".join(here.named(path) for path in (file, *srt) if path.is_file())
    return (
        f"{file.name} is a translation into {language_name(language)}, which is the film's own language now: "
        f"delete {files}. If the film is in another language, say so: "
        f"`dubline transcribe {root.name} --from LANGUAGE`"
    )


def _other_sound(root: Path, transcript: Transcript | None) -> tuple[str, ...]:
    """Whether transcript or stems are of another sound than the one that the run is about."""
    original = standing(root, ORIGINAL, Original)
    if original is None:
        return ()
    sentences = []
    sound = original.sound
    stems = standing(root, "stems", Stems)
    if stems is not None and (stems.source.rate, stems.source.frames) != (sound.rate, sound.frames):
        sentences.append("the stems are of another sound. `dubline separate` makes them again")
    if transcript is not None and abs(transcript.duration - sound.duration) > SAME_LENGTH:
        sentences.append(
            f"the transcript is of a sound of {transcript.duration:.1f} s, and this one has "
            f"{sound.duration:.1f} s. `dubline transcribe` makes it again"
        )
    return tuple(sentences)


def _old_mixes(root: Path) -> Iterator[str]:
    """Dubs that were mixed from stems which have been made anew since."""
    stems = read_manifest(root).stands.get("stems")
    mixed_from = {}
    for record in read_manifest(root).steps:
        if record.name == "remix" and isinstance(record.inputs, list) and isinstance(record.inputs[0], dict):
            paths = [stem["path"] for stem in record.inputs[0].get("stems", ())]
            mixed_from[f"steps/remix-{record.key}"] = paths[0].rpartition("/")[0] if paths else ""
    for dub in read_dubs(root):
        source = mixed_from.get(dub.mix.wav.rpartition("/")[0]) if dub.mix is not None else None
        if stems and source and source != stems:
            yield (
                f"the dub in {dub.language} was mixed from stems that have been made again since. "
                f"`dubline dub {typed(root)} --to {dub.language}` mixes it again"
            )


def _old_takes(root: Path, translations: tuple[Translation, ...]) -> Iterator[str]:
    """Dubs that say other words than their translation does now."""
    for translation in translations:
        language, lines = translation.target_language, {s.id: s for s in translation.segments}
        takes = [take for dub in read_dubs(root) if dub.language == language for take in dub.takes.takes]
        spoken = [take for take in takes if take.id in lines and take.state != "silent"]
        old = [take for take in spoken if spoken_text(lines[take.id]) != take.text]
        if old:
            yield (
                f"the dub in {language} says other words than its translation does now "
                f"({quantity(len(old), 'line')}). "
                f"`dubline dub {typed(root)} --to {language}` speaks them again"
            )
