"""A film from its file, or a timeline from its clips, to stems, transcript, translations and dubs at once.

    with Run(folder, report=progress.stage) as run:
        localized = localize(job, run)

`decide` settles who does what, and refuses what cannot be done before anything is decoded; `localize` is the
ways of the stages in their order. The command and `serve` both come through here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from dubline.backends.choosing import find
from dubline.backends.lacks import BY_HAND, by_a_person, not_set_up
from dubline.errors import DublineError, InvalidJob, Lacking
from dubline.media.original import Sighting, look_at, original_of
from dubline.mix.job import mix_job
from dubline.programme.timeline_file import keep_timeline
from dubline.recognition.ears import require_voices
from dubline.recognition.opening import check_language
from dubline.recognition.way import Transcribing, microphones_of, settle_transcription, transcribe_run
from dubline.run import Run, read_wish
from dubline.separation.way import Separating, separate_run, settle_run, stems_of
from dubline.translation.way import check_files, settle_translation, translate_run
from dubline.values.dubbed import NO_TAKES, Dub, DubSettings, read_dubs
from dubline.values.media import Sound
from dubline.values.stems import Stems
from dubline.values.timeline import FileMedia
from dubline.values.transcript import Transcript
from dubline.values.translated import Translation
from dubline.values.wishes import DubWish, LocalizeJob, TranscribeWish, TranslateWish
from dubline.voice.preparing import check_clonable, check_rights, dub_before, has_text
from dubline.voice.settling import SettledDub, open_voices, settle_dub
from dubline.voice.way import dub_run, mix_published

Tell = Callable[[str], None]


class Decided(NamedTuple):
    """What was seen of the media, who does what, and why, in words.

    `by_hand`: the languages whose lines are left to a person; `left`: that in words, to end with.
    """

    seen: Sighting
    separating: Separating | None
    transcribing: Transcribing | None
    reasons: tuple[str, ...]
    job: LocalizeJob
    by_hand: tuple[str, ...] = ()
    left: str = ""

    @property
    def has_picture(self) -> bool:
        """Whether the media is a film."""
        return isinstance(self.seen.what, tuple) and self.seen.what[0].video is not None


class Localized(NamedTuple):
    """What came out; None and () for what was not asked for. `files` are those of translations and dubs."""

    sound: Sound
    stems: Stems | None
    transcript: Transcript | None
    translations: tuple[Translation, ...]
    files: tuple[Path, ...]
    dubs: tuple[Dub, ...] = ()


def decide(job: LocalizeJob, root: Path) -> Decided:
    """Settle everything that can be settled without decoding: files, back ends, models, languages. `root` is
    the run folder, which need not be there yet: what the job leaves out stays as the run has it.

    Where nothing is missing but translators, and none was named, the lines in those languages are left to a
    person.

    Raises:
        InvalidJob: wishes that contradict each other, an unknown back end or language, a bad glossary.
        ValidationError, FFmpegError: the media cannot be used.
        NotSetUp: back ends or models are not here; it tells all of them, and how to get them.
    """
    if job.separate is None and job.transcribe is None and not job.languages:
        raise InvalidJob("there is nothing to do", hint="Ask for stems, a transcript or a translation.")
    seen = look_at(job.media, root)
    separating = transcribing = None
    source, lacking = "", Lacking()
    if job.separate is not None:
        with lacking("separator"):
            separating = settle_run(root, job.separate, seen.seconds)
    if job.transcribe is not None or job.languages:
        wish = job.transcribe or TranscribeWish()
        before = read_wish(root, "transcribe", TranscribeWish)
        source = wish.over(before).language or ""
        film = Path(job.media.path) if isinstance(job.media, FileMedia) else None
        with lacking("recognizer"):
            transcribing = settle_transcription(wish, before, film)
            if transcribing.ears.stems and (separating is None or separating.spared):
                require_voices(stems_of(root))
            microphones_of(transcribing.wish, _track(job))
    reasons = [*(separating.reasons if separating else ()), *(transcribing.reasons if transcribing else ())]
    by_hand: list[str] = []
    for target in job.languages:
        told = len(lacking.errors)
        with lacking("translator"):
            reasons.extend(_check_translation(job, source, target, root))
        by_hand += [target] if len(lacking.errors) > told else []
    if job.dub is not None:
        with lacking("voice"):
            reasons.extend(_check_dubs(job, root, separating is None or not separating.spared))
    left = ""
    if by_hand and _left_open(job, source, root, by_hand, lacking.errors):
        left = by_a_person(source, by_hand)
        reasons.append(f"translator: manual. {left}")
    elif lacking.errors:
        raise not_set_up(job, source, lacking.errors)
    return Decided(seen, separating, transcribing, tuple(dict.fromkeys(reasons)), job, tuple(by_hand), left)


def localize(
    job: LocalizeJob,
    run: Run,
    *,
    decided: Decided | None = None,
    threads: int | None = None,
    tell: Tell = lambda text: None,
) -> Localized:
    """Do the job in a run. What was finished before is kept; what its settings change is done again.

    Raises:
        InvalidJob, BackendMissing, WeightsError: see `decide`.
        AudioProcessingError, BackendFailed, StorageFull: a step failed; `stage` names it.
        Cancelled: the run's report asked to stop.
    """
    decided = decided or decide(job, run.root)
    job = decided.job
    hints: dict[str, Any] = {"device": job.device, "threads": threads}
    if job.dub is not None:  # an hour of other work must not end in this question
        check_rights(run, _settled_dub(job.dub, job.languages[0], run.root), bool(job.dub.rights))

    sound = original_of(run, decided.seen).sound
    stems = transcript = None
    if decided.transcribing is not None:
        check_language(run, sound, decided.transcribing.job.words, hints)
    if decided.separating is not None:
        stems = separate_run(run, sound, decided.separating, hints=hints, tell=tell)
    if decided.transcribing is not None:
        transcript = transcribe_run(
            run,
            sound,
            stems if stems is not None else stems_of(run.root, sound),
            decided.transcribing,
            media=_track(job),
            hints=hints,
            tell=tell,
        )
    translations: list[Translation] = []
    dubs: list[Dub] = []
    files: dict[Path, None] = {}
    if decided.separating is not None and decided.separating.spared:
        files[run.layout.raw_audio] = None
    for language in job.languages if transcript is not None and transcript.segments else ():
        wish, by_hand = _translate_wish(job), language in decided.by_hand
        if by_hand:
            wish = replace(wish, translator=BY_HAND)
        translation, written = translate_run(
            run,
            run.root,
            language,
            wish,
            hints=hints,
            tell=tell,
            why="since no other translator is here" if by_hand else "",
            stand_in=by_hand,
        )
        translations.append(translation)
        files.update(dict.fromkeys(written))
    for translation in translations if job.dub is not None else ():
        language = translation.target_language
        if not has_text(translation):
            tell(f"nothing is dubbed in {language}: its translation has no text yet")
            continue
        dub, written = dub_run(run, language, job.dub or DubWish(), hints=hints, tell=tell)
        dubs.append(dub)
        files.update(dict.fromkeys(written))
    if stems is not None and transcript is not None and job.dub is None and not read_dubs(run.root):
        # The film's own voices, over its background: what is heard until there is a dub. Who asks for stems
        # alone wants to mix them.
        levels = {"original_volume": 1.0, **({} if stems.separated else {"bg_volume": 1.0})}
        _, written = mix_published(run, stems, NO_TAKES, mix_job(levels), hints=hints)
        files.update(dict.fromkeys(written))
    files[keep_timeline(run.root)] = None
    separated = stems if stems is not None and stems.separated else None
    return Localized(sound, separated, transcript, tuple(translations), tuple(files), tuple(dubs))


def summary(localized: Localized, run: Run) -> dict[str, Any]:
    """What came out, as flat JSON: counts, and files relative to the run folder."""
    stems = localized.stems.stems if localized.stems is not None else ()
    here = run.layout
    facts: dict[str, Any] = {"seconds": round(localized.sound.duration, 3)}
    facts["files"] = [here.named(here.stem(stem.name)) for stem in stems]
    if stems:
        facts["stems"] = [{"name": s.name, "label": s.label, "empty": s.empty} for s in stems]
    if localized.transcript is not None:
        facts["language"] = localized.transcript.language
        facts["segments"] = len(localized.transcript.segments)
        facts["speakers"] = [
            {"id": s.id, "name": s.name, "seconds": s.seconds} for s in localized.transcript.speakers
        ]
        facts["files"].append(here.named(here.transcript))
    facts["translations"] = [
        {"language": t.target_language, **msgspec.to_builtins(t.totals)} for t in localized.translations
    ]
    facts["dubs"] = [_dub_facts(dub) for dub in localized.dubs]
    facts["files"] += [here.named(path) for path in localized.files]
    return facts


def _dub_facts(dub: Dub) -> dict[str, Any]:
    states = [take.state for take in dub.takes.takes]
    facts: dict[str, Any] = {"language": dub.language}
    facts |= {state: states.count(state) for state in ("spoken", "too_long", "failed", "silent")}
    if dub.mix is not None:
        facts["target"] = dub.mix.target
        facts["before"] = msgspec.to_builtins(dub.mix.before)
        facts["after"] = msgspec.to_builtins(dub.mix.after)
    return facts


def _track(job: LocalizeJob) -> tuple[Path, str] | None:
    """The file and the name of its track; None for a timeline."""
    return (Path(job.media.path), job.media.track) if isinstance(job.media, FileMedia) else None


def _translate_wish(job: LocalizeJob) -> TranslateWish:
    """The wish for the translations, which the dub's voice speaks beforehand where no other is named.

    A voice that clones costs too much, or is somebody's service: it speaks the dub and no draft before.
    """
    wish = job.translate or TranslateWish()
    voice = job.dub.voice if job.dub is not None else None
    if job.dub is None or wish.voice or not voice or _clones(voice):
        return wish
    options = {**(job.dub.voice_options or {})}
    if job.dub.voice_model:
        options["model"] = job.dub.voice_model
    return replace(wish, voice=voice, voice_options=options)


def _clones(voice: str) -> bool:
    return voice != "auto" and hasattr(find("voice", voice), "clones")


def _left_open(
    job: LocalizeJob, source: str, root: Path, languages: Sequence[str], errors: Sequence[DublineError]
) -> bool:
    """Whether nothing is missing but translators into these languages, and nobody has named one."""
    if job.translate is None or any(error.kind != "translator" for error in errors):
        return False
    return all(_translation_wish(job, source, target, root)[0].open for target in languages)


def _check_translation(job: LocalizeJob, language: str, target: str, root: Path) -> tuple[str, ...]:
    """Refuse now what a translation would refuse after an hour of other work; why its translator was taken.

    Where the language is left to be detected, that can only be known then.
    """
    wish, source, anew = _translation_wish(job, language, target, root)
    check_files(wish)
    if not source:
        return ()
    asked = job.translate or TranslateWish()
    reasons = settle_translation(wish, source, target, asked.origin("translator")).reasons
    return (*reasons, anew) if anew else reasons


def _translation_wish(
    job: LocalizeJob, language: str, target: str, root: Path
) -> tuple[TranslateWish, str, str]:
    """What is asked of a translation in the end, its source ("": not known yet), and why its translator is
    chosen anew, where it is."""
    asked = job.translate or TranslateWish()
    wish = asked.over(read_wish(root, f"translate.{target}", TranslateWish))
    source = wish.source or language
    wish, anew = wish.for_source(source) if source else (wish, "")
    return wish, source, anew


def _settled_dub(wish: DubWish, language: str, root: Path) -> SettledDub:
    before = dub_before(root, language)[1]
    return settle_dub(wish, before.settings if before is not None else DubSettings(), language, root)


def _check_dubs(job: LocalizeJob, root: Path, separated: bool) -> tuple[str, ...]:
    """Refuse now what a dub would refuse after an hour of other work; who speaks, and why."""
    if job.separate is None or not job.languages:
        missing = "stems" if job.separate is None else "a translation"
        raise InvalidJob(
            f"a dub needs {missing}",
            hint="Name a language to translate into, and let the sound be separated; or name no voice.",
        )
    assert job.dub is not None
    mix_job(job.dub.mix or {}, separated)
    reasons: list[str] = []
    for language in job.languages:
        settled = _settled_dub(job.dub, language, root)
        check_clonable(settled, separated or stems_of(root) is not None)
        open_voices(settled, language)
        reasons.extend(settled.reasons)
    return tuple(reasons)
