"""`dubline translate`: a transcript in another language, in the time the actors had."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubline.cli.asking import Asked, takes
from dubline.cli.film import is_run, run_of
from dubline.cli.options import argument, option
from dubline.cli.report import tell_doubtful, tell_report
from dubline.cli.screen import result
from dubline.errors import InvalidJob
from dubline.files import check_place, typed
from dubline.report import quantity

if TYPE_CHECKING:
    from dubline.values.translated import Translation

TEXTS = (".json", ".srt", ".vtt")


@takes("translate", media=False, model="translator_model")
def translate(
    text: Annotated[
        Path,
        argument(
            "A run folder (EPISODE.dubline), its film, a transcript.json, an .srt or a .vtt; only read."
        ),
    ],
    asked: Asked,
    out: Annotated[
        Path | None, option("Write the translation here too.", "--out", "-o", panel="Where")
    ] = None,
) -> None:
    """Translate a transcript so that each line can be spoken in its time.

    As many lines come out as go in, with the same numbers, speakers and times. What you change in
    translated.json is never overwritten; docs/translation.md explains the file. Without --to it is done
    again for the languages that the run is in already.

        dubline translate EPISODE.dubline --to en

        dubline translate lines.srt --from tr --to en --translator llm --server http://localhost:11434/v1
        --model qwen3:14b --glossary terms.csv

        dubline translate EPISODE.dubline --to en --voice espeak-ng

        dubline translate EPISODE.dubline --to en --only 17,23-40
    """
    from dubline.cli.progress import working
    from dubline.translation.way import target_languages, translate_run

    root = run_folder(text)
    source = text if text.suffix.lower() in TEXTS and not text.is_dir() else root
    languages = target_languages(root, asked.translate)
    if out is not None and len(languages) > 1:
        raise InvalidJob("--out is for one language", hint="Name it with --to, or leave out --out.")
    if out is not None:
        check_place(out)
    failed = 0
    with working(root, steps=["translate"] * len(languages)) as (run, bar):
        for language in languages:
            translation, written = translate_run(
                run, source, language, asked.translate, hints=asked.hints, tell=bar.say
            )
            if out is not None:
                from dubline.files import write_whole
                from dubline.values.translated import translation_json

                write_whole(out, translation_json(translation))
                written = (out, *written)
            with bar.results():
                if len(languages) > 1:
                    result(f"{language}:")
                _summary(translation)
                for path in written:
                    result(f"{path}")
            failed += translation.totals.failed
    tell_report(root)
    if failed:
        raise typer.Exit(1)


def run_folder(text: Path) -> Path:
    """The run that a text belongs to: the folder itself, the one it lies in, or that of its film; for
    subtitles by themselves a new one beside them.

    Raises:
        InvalidJob: there is no such file, or no run of this film.
    """
    if not text.exists():
        raise InvalidJob(
            f"there is no {text}", hint="Give a run folder, a transcript.json, an .srt or a .vtt."
        )
    if text.is_file() and text.suffix.lower() in TEXTS and is_run(text.absolute().parent):
        return text.absolute().parent
    root = run_of(text)
    if text.is_file() and text.suffix.lower() not in TEXTS and not root.is_dir():
        raise InvalidJob(
            f"there is no transcript of {text}", hint=f"Run `dubline transcribe {typed(text)}` first."
        )
    return root


def _summary(translation: Translation) -> None:
    totals = translation.totals
    counts = (
        (totals.failed, "failed"),
        (totals.pending, "left to a person"),
        (totals.silent, "without words"),
        (totals.locked, "locked"),
    )
    said = [f"{totals.translated} translated", *(f"{number} {what}" for number, what in counts if number)]
    result(f"{quantity(totals.segments, 'line')}: {', '.join(said)}")
    if totals.fitting is not None:
        fits = (
            (totals.fits, "in their own time"),
            (totals.borrowed, "with some of the silence after them"),
            (totals.short, "short"),
            (totals.too_long, "too long"),
            (totals.unsure, "too near to call"),
        )
        told = ", ".join(f"{number} {what}" for number, what in fits if number)
        how = f"; {quantity(totals.measured, 'line')} tried with the voice" if totals.measured else ""
        result(f"{totals.fitting:.1%} of them fit their time ({told}{how})")
    if totals.glossary[0]:
        result(f"glossary: {totals.glossary[1]} of {totals.glossary[0]} terms kept")
    tell_doubtful([line.id for line in translation.segments if line.doubt and line.text])
    for line in translation.segments:
        if line.state == "failed":
            result(f"  {line.id}: {'; '.join(line.reasons)}")
