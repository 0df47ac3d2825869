"""`dubline subtitles check`: timed text against a profile, and what can be set right in it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dubline.cli.film import is_run, run_of
from dubline.cli.options import argument, languages, option
from dubline.errors import InvalidJob
from dubline.files import check_place

if TYPE_CHECKING:
    from dubline.subtitles.checks import Finding
    from dubline.subtitles.cues import Subtitles, SubtitleText
    from dubline.subtitles.fixing import Fixed
    from dubline.timebase import Timecode

ASSUMED_RATE = Fraction(24)
"""The rate that gaps are measured at where none is known: the one Netflix's timing guide is written for."""

TEXTS = (".srt", ".vtt", ".txt", "")
"""Ends of names that subtitles have; a film has others."""


def check_subtitles(
    source: Annotated[Path, argument("An .srt or .vtt file, a run folder, or its film.")],
    profile: Annotated[
        str,
        option(
            "netflix-en, netflix-tr (both also with -children), netflix, ebu, or a .toml of yours. Default: "
            "Netflix's for the language.",
        ),
    ] = "",
    rate: Annotated[
        str, option("The picture's frames a second: 23.976, 25. A run knows it, and so does a file in one.")
    ] = "",
    lang: Annotated[str, languages("Language of the text: en, tr. Of a run, the one to check.")] = "",
    encoding: Annotated[str, option("The file's encoding, if it is not found: cp1254, gb18030.")] = "",
    fix: Annotated[bool, option("Set right what can be, and write it to --out.", "--fix")] = False,
    out: Annotated[
        Path | None, option("Where --fix writes: .srt, .vtt, .ass, .ttml or .csv.", "--out", "-o")
    ] = None,
    as_json: Annotated[bool, option("The report as JSON.", "--json")] = False,
) -> None:
    """Check subtitles: lengths, reading speed, gaps, overlaps, and whatever is wrong with the file.

        dubline subtitles check E01.tr.srt --profile netflix-tr --rate 23.976

        dubline subtitles check E01.dubline --lang tr --fix -o E01.tr.srt

    Each finding has the cue's number, its timecode, what was measured and the limit. --fix breaks lines anew,
    puts times on frames, makes and closes gaps and gives short cues more time where there is room; no cue is
    split or lost, and what could not be set right is listed. The exit status is 1 if anything was found (with
    --fix: if anything is left).
    """
    from dubline.report import quantity
    from dubline.subtitles.checks import check
    from dubline.subtitles.fixing import fix as set_right
    from dubline.subtitles.profiles import profile_of, read_profile
    from dubline.subtitles.writing import read_subtitles
    from dubline.timebase import Timecode, frame_rate, rate_text
    from dubline.values.base import to_json

    if fix != (out is not None):
        raise InvalidJob("--fix and --out belong together", hint="Give both: --fix -o FIXED.srt")
    if out is not None:
        check_place(out)
    limits = read_profile(profile) if profile else None
    fps = frame_rate(rate) if rate else None
    start: Timecode | None = None
    if source.suffix.lower() not in TEXTS and is_run(run_of(source)):
        source = run_of(source)
    if source.is_dir():
        found, start, lang = _of_run(source, lang, fps)
        fps = start.rate
    else:
        found = read_subtitles(source, encoding=encoding, language=lang, option="--encoding")
        known = _of_a_run(source)
        lang, fps = lang or known[0], fps or known[1]
    limits = limits or profile_of(lang or "en")
    if fix and fps is None:
        raise InvalidJob("--fix puts times on frames", hint="Say the picture's rate, such as --rate 23.976.")
    used = fps or ASSUMED_RATE
    notes = list(found.notes)
    if fps is None:
        notes.append("no --rate was given: gaps are counted at 24 frames a second, frames are not checked")
    findings = check(found.cues, limits, used, on_frames=fps is not None)
    fixed: Fixed | None = None
    if fix and out is not None:
        if found.lost:
            first = found.lost[0]
            raise InvalidJob(
                f"{source.name}, line {first.line}: {first.reason}; its text would be lost",
                hint="Fix this line first.",
            )
        fixed = set_right(found.cues, limits, used, language=lang)
        _write(out, source, found, fixed, start or Timecode(0, used), lang)
    code = (start or Timecode(0, used)) if fps is not None else None
    if as_json:
        report = {
            "source": str(source),
            "encoding": found.encoding,
            "cues": len(found.cues),
            "profile": limits,
            "rate": rate_text(used),
            "notes": notes,
            "problems": found.problems,
            "findings": [_told(f, code) for f in findings],
            "fixed": fixed and {"out": str(out), "changed": fixed.changed},
            "remaining": fixed and [_told(f, code) for f in fixed.remaining],
        }
        typer.echo(to_json(report).decode(), nl=False)
    else:
        _show(
            found,
            findings,
            fixed,
            notes,
            code,
            f"{source.name}: {quantity(len(found.cues), 'cue')}, {limits.name}",
            out,
        )
    wrong = fixed.remaining if fixed else findings
    if wrong or (found.problems and fixed is None):
        raise typer.Exit(1)


def _of_a_run(path: Path) -> tuple[str, Fraction | None]:
    """The language and the picture's rate of a file that lies in a run folder; "" and None elsewhere."""
    from dubline.exchange.texts import read_texts
    from dubline.programme.reading import programme_rate
    from dubline.programme.subtitle_files import SOURCE

    root = next((folder for folder in path.absolute().parents if is_run(folder)), None)
    if root is None:
        return "", None
    texts, parts = read_texts(root), path.stem.split(".")
    languages = [name for name in texts.languages if name in parts]
    source = [texts.transcript.language] if parts == [SOURCE] else []
    return next(iter((*languages, *source)), ""), programme_rate(root)


def _of_run(root: Path, language: str, given: Fraction | None) -> tuple[Subtitles, Timecode, str]:
    """The cues of a run in one language, all speakers together, its start, and that language."""
    from dubline.language.script import base_language
    from dubline.programme.reading import read_programme
    from dubline.subtitles.cues import Subtitles, SubtitleText
    from dubline.timebase import rate_text
    from dubline.values.languages import language_name
    from dubline.values.transcript import milliseconds

    programme = read_programme(root, rate=rate_text(given) if given else "")
    there = list(dict.fromkeys(track.language for track in programme.subtitles))
    wanted = [name for name in there if base_language(name) == base_language(language)] if language else there
    if len(wanted) != 1:
        what = "no subtitles"
        if there:
            what = (
                f"no subtitles in {language_name(language)}" if language else "subtitles in several languages"
            )
        raise InvalidJob(
            f"{root.name} has {what}",
            hint=f"Choose with --lang: {', '.join(there)}." if there else "Run `dubline transcribe` first.",
        )
    lines = sorted(
        (
            (milliseconds(cue.start), milliseconds(cue.end), cue, track.speaker_name)
            for track in programme.subtitles
            if track.language == wanted[0]
            for cue in track.cues
        ),
        key=lambda line: (line[0], line[1], line[2].id),
    )
    cues: tuple[SubtitleText, ...] = tuple(
        SubtitleText(
            index=cue.id,
            start_ms=start,
            end_ms=end,
            text=cue.text,
            speaker=speaker,
            source_text=cue.source_text,
        )
        for start, end, cue, speaker in lines
    )
    return Subtitles(cues=cues), programme.timecode, wanted[0]


def _write(out: Path, source: Path, found: Subtitles, fixed: Fixed, start: Timecode, language: str) -> None:
    from dubline.files import full_disk_is_told, write_whole
    from dubline.subtitles.vtt import write_vtt
    from dubline.subtitles.writing import write_subtitles

    if out.exists() and source.exists() and out.samefile(source):
        raise InvalidJob(
            "--out is the file that was read", hint="Give another name; the source stays as it is."
        )
    kind = out.suffix.lower().removeprefix(".")
    if kind == "vtt" and found.format == "vtt":
        data = write_vtt(fixed.cues, header=found.header, blocks=found.blocks).encode()
    else:
        data = write_subtitles(
            fixed.cues, kind, rate=start.rate, start=start.frame, drop=start.drop, language=language
        )
    with full_disk_is_told(out.parent):
        write_whole(out, data)


# --- the report ----------------------------------------------------------------------------------


def _code(ms: int, start: Timecode | None) -> str:
    """A time as the picture's timecode, or as a clock's where no rate is known."""
    from dubline.subtitles.cues import clock, ms_to_frame

    return str(start + ms_to_frame(ms, start.rate)) if start else clock(ms)


def _told(finding: Finding, start: Timecode | None) -> dict[str, Any]:
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(finding)
    return {**told, "timecode": _code(finding.start_ms, start)}


def _show(
    found: Subtitles,
    findings: list[Finding],
    fixed: Fixed | None,
    notes: list[str],
    start: Timecode | None,
    title: str,
    out: Path | None,
) -> None:
    from dubline.report import quantity

    typer.echo(title)
    for note in notes:
        typer.echo(f"note: {note}")
    for problem in found.problems:
        lost = " (not read)" if problem.lost else ""
        text = " / ".join(problem.text.split("\n"))[:60]
        typer.echo(f"line {problem.line}: {problem.reason}{lost}{': ' + text if text else ''}")
    shown = list(fixed.remaining) if fixed else findings
    if shown:
        typer.echo(f"\n{'cue':>5}  {'timecode':<12} {'':<13} {'measured':>8} {'limit':>7}")
    for finding in shown:
        name = finding.kind.replace("_", " ")
        warning = "  (warning)" if finding.severity == "warning" else ""
        typer.echo(
            f"{finding.index:>5}  {_code(finding.start_ms, start):<12} {name:<13} {finding.measured:>8.6g} "
            f"{finding.limit:>7.4g} {finding.unit}{warning}  {finding.text[:40]}"
        )
    if fixed:
        done = ", ".join(f"{name} {count}" for name, count in fixed.changed.items()) or "nothing to change"
        typer.echo(f"\n{out}: {done}")
    errors = sum(f.severity == "error" for f in shown)
    left = " left" if fixed else ""
    warnings = quantity(len(shown) - errors, "warning")
    typer.echo(f"\n{quantity(errors, 'error')}, {warnings}{left}")
