"""A run's translation into sound: the takes, the mix of them, and the files that a person wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from dubline.errors import InvalidJob
from dubline.files import full_disk_is_told, remove_tree
from dubline.mix.audition import audition
from dubline.mix.film import KINDS, mux_film
from dubline.mix.job import MixJob
from dubline.mix.stage import remix
from dubline.mix.text_tracks import TextTrack
from dubline.programme.subtitle_files import SOURCE, publish_subtitles
from dubline.report import Report, silent
from dubline.run import Damaged, Run, standing
from dubline.subtitles.srt import read_srt
from dubline.values.dubbed import CastVoice, Dub, LoudnessReport, Mix, Take, Takes, dub_json, read_dubs
from dubline.values.languages import language_name
from dubline.values.layout import Layout
from dubline.values.sealed import write_twice
from dubline.values.stems import Stems
from dubline.values.translated import Translation
from dubline.values.wishes import DubWish
from dubline.voice.calibration import keep_durations
from dubline.voice.preparing import Prepared, Tell, film_for, prepared
from dubline.voice.speaking import speak


def dub_run(
    run: Run,
    language: str,
    wish: DubWish,
    *,
    hints: dict[str, Any] | None = None,
    tell: Tell = lambda words: None,
) -> tuple[Dub, tuple[Path, ...]]:
    """Dub a run in one language and write the results into its folder; returns it and the files written.

    What was spoken and mixed before is kept; an edited line is spoken alone and the mix is made anew.

    Raises:
        InvalidJob: no translation, text or stems; several languages and none named; an unknown line, voice
            or setting; a voice that clones without a word about the rights.
        BackendMissing, WeightsError: a voice cannot be used.
        BackendFailed: no line could be spoken.
        ValidationError, FFmpegError, StorageFull, Cancelled.
    """
    made = prepared(run, language, wish, tell)
    publish_subtitles(run.root)  # the words that are spoken are the ones to be read
    takes: Takes = run.step(speak, made.spoken, made.job, hints=_hints(hints, made))
    if wish.only:
        takes = _in_the_old_cast(takes, made.before)
    root, place = run.root, made.place
    mix: Mix | None = None
    files = [place]
    if not wish.takes_only:
        mix = run.step(remix, made.stems, _sounding(takes), made.mix, hints=hints)
        files += publish_mix(run, mix, made.suffix)
    dub = Dub(takes=takes, mix=mix, consent=made.consent, settings=made.settings)
    with full_disk_is_told(root):
        write_twice(place, dub_json(dub))
    keep_durations(root, takes, frame_rate=made.job.frame_rate)
    if mix is not None:
        _clear_superseded(run, made.before)
    else:
        _clear_final(run, made.suffix, (*KINDS, ".wav", ".m4a"))
        if not any(other.mix is not None for other in read_dubs(root)):
            run.unpublish(run.layout.m_and_e)
    if made.settings.mux and mix is not None:
        files.append(_film(run, made, mix))
    return dub, tuple(files)


class Audition(NamedTuple):
    """A line over its background: its take, the file, and how loud it is; no file where the take failed."""

    take: Take
    path: Path | None
    loudness: LoudnessReport | None


def audition_run(
    run: Run,
    language: str,
    wish: DubWish,
    lines: tuple[int, ...],
    *,
    hints: dict[str, Any] | None = None,
    tell: Tell = lambda words: None,
    report: Callable[[str], Report] = lambda name: silent,
) -> tuple[Audition, ...]:
    """Write lines over their background, as they would be in the mix, each to a file of the run.

    Only these lines are spoken, where they are not yet as they would be now; the dub itself stays as it is.

    Raises:
        As `dub_run`.
    """
    made = prepared(run, language, wish, tell, audition=lines)
    takes: Takes = run.step(speak, made.spoken, made.job, hints=_hints(hints, made))
    tick, rate = report("audition"), made.stems.source.rate
    heard: dict[str, Any] = {"report": lambda done, total: tick(done / rate, total / rate)}
    if made.before is not None and made.before.mix is not None:
        # What the last mix has found is true of this line too; its level only if all else is as it was.
        last = made.before.mix
        heard |= {"voice_gain_db": last.voice_gain_db, "room": last.room}
        if made.before.settings.mix == made.settings.mix:
            heard["gain_db"] = last.gain_db
    found = []
    for take in (t for t in takes.takes if t.id in lines):
        path = run.layout.auditions / f"{take.id}{made.suffix}.wav"
        if take.state not in ("spoken", "too_long"):
            found.append(Audition(take, None, None))
            continue
        with full_disk_is_told(run.root):
            path.parent.mkdir(exist_ok=True)
        read = audition(run.root, made.stems, takes, made.mix, take.id, path, **heard)
        found.append(Audition(take, path, read))
    return tuple(found)


UNDUBBED = "undubbed"
"""What a run calls the mix of its own voices, which it has until it is dubbed."""


def mix_published(
    run: Run, stems: Stems, takes: Takes, job: MixJob, *, hints: dict[str, Any] | None = None
) -> tuple[Mix, tuple[Path, ...]]:
    """A mix without a dub's value: of takes from elsewhere, or of the film's own voices; and its files.

    Raises:
        As `dubline.mix.remix`.
    """
    before = _undubbed(run.root)
    mix = run.step(remix, stems, takes, job, hints=hints, stands=UNDUBBED)
    if before is not None and before.wav != mix.wav:
        _clear_mix(run, before)
    return mix, publish_mix(run, mix)


def _undubbed(root: Path) -> Mix | None:
    """The mix of before; what is damaged is made again, or is in nobody's way."""
    try:
        return standing(root, UNDUBBED, Mix)
    except Damaged:
        return None


def publish_mix(run: Run, mix: Mix, suffix: str = "") -> tuple[Path, ...]:
    """Put the mix where a person looks: final.wav, final.m4a and M&E.wav; `suffix` ".LANGUAGE" for a run's
    further languages."""
    here = run.layout
    _clear_final(run, suffix, KINDS if mix.m4a else (*KINDS, ".m4a"))  # made of a mix of before
    named = (
        (mix.wav, here.final(".wav", suffix)),
        (mix.m4a, here.final(".m4a", suffix)),
        (mix.m_and_e, here.m_and_e),
    )
    return run.publish_all((path, place) for path, place in named if path)


def _clear_final(run: Run, suffix: str, kinds: Iterable[str]) -> None:
    """Take away what is no longer true of the run."""
    run.unpublish(*(run.layout.final(kind, suffix) for kind in kinds))


def _in_the_old_cast(takes: Takes, before: Dub | None) -> Takes:
    """Some lines spoken again change nobody's part; a take with another voice than its speaker's says so."""
    if before is None:
        return takes
    old = {role.speaker: role for role in before.takes.cast}
    new = {role.speaker: role for role in takes.cast}
    marked = tuple(
        structs.replace(take, voice=new[take.speaker].voice)
        if take.retaken and take.speaker in old and _differ(old[take.speaker], new[take.speaker])
        else take
        for take in takes.takes
    )
    cast = tuple(old.get(role.speaker, role) for role in takes.cast)
    models = tuple(dict.fromkeys((*before.takes.models, *takes.models)))
    return structs.replace(takes, takes=marked, cast=cast, models=models)


def _sounding(takes: Takes) -> Takes:
    """The takes as a mix knows them: what changes no sample would only have it made again."""
    return Takes(
        language=takes.language,
        takes=tuple(
            structs.replace(take, text="", reasons=(), retaken=False, voice="") for take in takes.takes
        ),
    )


def _clear_superseded(run: Run, before: Dub | None) -> None:
    """Delete the mixes that this dub takes the place of, as large as the film's sound, where no dub has them
    any more; and the film that was made with one."""
    for mix in (_undubbed(run.root), before.mix if before is not None else None):
        if mix is not None:
            _clear_mix(run, mix)


def _clear_mix(run: Run, mix: Mix) -> None:
    root = run.root
    used = {dub.mix.wav for dub in read_dubs(root) if dub.mix is not None}
    folder = Path(mix.wav).parent
    if mix.wav in used or not folder.name.startswith("remix-"):
        return
    remove_tree(run.layout.file(folder.as_posix()))
    for record in run.manifest().steps:
        if record.name == "mux" and isinstance(record.inputs, list) and record.inputs[1] == mix.m4a:
            remove_tree(run.layout.steps / f"mux-{record.key}")


def _film(run: Run, made: Prepared, mix: Mix) -> Path:
    film = film_for(run)
    if not mix.m4a:
        raise InvalidJob(
            f"there is no AAC of this mix: {'; '.join(mix.notes)}",
            hint="Leave out --mux (--no-mux); the mix itself is final.wav.",
        )
    languages = (made.translation.source_language, made.translation.target_language)
    muxed = run.step(mux_film, film, mix.m4a, languages, _subtitles(run.root, made.translation))
    return run.publish(muxed.path, run.layout.final(Path(muxed.path).suffix, made.suffix))


def _subtitles(root: Path, translation: Translation) -> tuple[TextTrack, ...]:
    """The dub's language first, then the film's own; as they lie in subtitles/."""
    target, made = translation.target_language, []
    for name, language in ((target, target), (SOURCE, translation.source_language)):
        file = Layout(root).subtitles / f"{name}.srt"
        read = read_srt(file.read_text(encoding="utf-8")).cues if file.is_file() else ()
        if cues := tuple((cue.start_ms, cue.end_ms, cue.text) for cue in read):
            made.append(TextTrack(language=language, title=language_name(language), cues=cues))
    return tuple(made)


def _hints(hints: dict[str, Any] | None, made: Prepared) -> dict[str, Any]:
    return {**(hints or {}), "reasons": made.settled.reasons}


def _differ(one: CastVoice, other: CastVoice) -> bool:
    return (one.voice, one.pitch) != (other.voice, other.pitch)
