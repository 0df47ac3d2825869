"""A film from its file, or a timeline from its clips, to stems, transcript, translations and dubs at once.

    with Run(folder, report=progress.stage) as run:
        done = localize(job, run)

`decide` settles who does what, and refuses what cannot be done before anything is decoded; `localize` does
it, top to bottom. The command and `serve` both come through here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dubline.errors import InvalidJob
from dubline.media.extraction import extract_sound
from dubline.media.timeline_cut import TimelineCut, cut_timeline
from dubline.media.timeline_sound import timeline_sound
from dubline.mix import MixJob
from dubline.recognition.publish import TRANSCRIPT, publish_transcript
from dubline.recognition.routing import route_speech
from dubline.recognition.routing import weights_of as speech_weights
from dubline.recognition.stage import DiarizationJob, RecognitionJob
from dubline.recognition.voice_names import cast_names
from dubline.recognition.way import TranscriptionJob, transcribe, voices_of
from dubline.run import Run, Work, step
from dubline.separation import SeparationJob, separate
from dubline.separation.routing import job_of, route
from dubline.translation.routing import route_translation
from dubline.translation.stage import check_languages
from dubline.translation.way import Wishes, translate_run
from dubline.values.dubbed import Dub, DubSettings
from dubline.values.media import Media, Sound
from dubline.values.stems import Stems
from dubline.values.timeline import FileMedia, RunClock, Source
from dubline.values.transcript import Transcript
from dubline.values.translated import Translation
from dubline.values.wishes import LocalizeJob
from dubline.voice.preparing import check_rights, has_text
from dubline.voice.way import dub_run
from dubline.voice.wishes import Wishes as DubWishes
from dubline.voice.wishes import open_voices, settle

Tell = Callable[[str], None]
Found = Sound | tuple[Media, int] | TimelineCut


class Decided(NamedTuple):
    """Who does what, and why, in words: for separation, recognition, translations and dubs."""

    found: Found
    clock: RunClock
    separation: SeparationJob | None
    transcription: TranscriptionJob | None
    wishes: tuple[Wishes, ...]
    why: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]

    @property
    def reasons(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys(reason for stage in self.why for reason in stage))


class Localized(NamedTuple):
    """What came out; None and () for what was not asked for. `files` are those of translations and dubs."""

    sound: Sound
    stems: Stems | None
    transcript: Transcript | None
    translations: tuple[Translation, ...]
    files: tuple[Path, ...]
    dubs: tuple[Dub, ...] = ()


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
    decided = decided or decide(job)
    hints: dict[str, Any] = {"device": job.device, "threads": threads}
    separating, listening = ({**hints, "reasons": why} for why in decided.why[:2])
    if job.voice:
        # An hour of other work must not end in this question.
        settled = settle(_dub_wishes(job, ""), DubSettings(), job.languages[0], run.root)
        check_rights(run, settled, job.voice_rights)

    run.step(place_on_timeline, decided.clock)
    sound = read_sound(run, decided.found)

    stems = None
    heard = sound
    if decided.separation is not None:
        stems = run.step(separate, sound, decided.separation, hints=separating)
        publish_stems(run, stems)
        heard = voices_of(run, sound, decided.separation, separating)

    transcript = None
    if decided.transcription is not None:
        spoken = transcribe(run, heard, decided.transcription, listening)
        names = None
        if job.cast is not None and spoken.heard is not None and _has_clips(job.cast):
            diarization = decided.transcription.diarization
            names = cast_names(
                run, spoken.heard, spoken.speakers, diarization, Path(job.cast), hints=listening
            )
        transcript = publish_transcript(spoken.transcript, run.root, cast=names, tell=tell)

    translations: list[Translation] = []
    files: list[Path] = []
    if transcript is not None and transcript.segments:
        for wishes in decided.wishes:
            translation, written = translate_run(run, run.root, wishes, hints=hints, tell=tell)
            translations.append(translation)
            files.extend(written)
    elif decided.wishes:
        tell("nothing is translated: no words were found in this sound")

    dubs: list[Dub] = []
    for translation in translations if job.voice else ():
        language = translation.target_language
        if not has_text(translation):
            tell(f"nothing is dubbed in {language}: its translation has no text yet")
            continue
        dub, written = dub_run(run, _dub_wishes(job, language), hints=hints, tell=tell)
        dubs.append(dub)
        files.extend(path for path in written if path not in files)

    return Localized(sound, stems, transcript, tuple(translations), tuple(files), tuple(dubs))


def decide(job: LocalizeJob) -> Decided:
    """Settle everything that can be settled without decoding: files, back ends, models, languages.

    Raises:
        InvalidJob: settings that contradict each other, an unknown back end or language, a bad glossary.
        ValidationError, FFmpegError: the media cannot be used.
        BackendMissing, WeightsError: a back end or a model is not here; the hint says how to get it.
    """
    if not (job.stems or job.subtitles or job.languages):
        raise InvalidJob("nothing is asked for", hint="Ask for stems, subtitles or a translation.")
    found = find_media(job.media)
    separation = transcription = None
    separating_why: tuple[str, ...] = ()
    listening_why: tuple[str, ...] = ()
    if job.stems:
        separating = route(content=job.content, separator=job.separator, model=job.separator_model)
        separation = job_of(separating)
        separating_why = separating.reasons
    if job.subtitles or job.languages:
        listening = route_speech(
            diarizer=job.diarizer,
            recognizer=job.recognizer,
            model=job.recognizer_model,
            language=job.source,
            on="vocals" if job.stems else "mix",
        )
        listening_why = listening.reasons
        sums = speech_weights(listening)
        diarizer = listening.diarizer
        if job.speakers is not None:
            options = {**diarizer.options, "speakers": job.speakers}
            diarizer = msgspec.structs.replace(diarizer, options=options)
        transcription = TranscriptionJob(
            diarization=DiarizationJob(diarizer=diarizer, models=sums[0]),
            recognition=RecognitionJob(recognizer=listening.recognizer, models=sums[1]),
        )
    wishes = tuple(_wishes(job, target) for target in job.languages)
    translating_why = tuple(reason for wish in wishes for reason in _checked(wish))
    if job.cast is not None:
        _has_clips(job.cast)
    dubbing_why = _checked_dubs(job) if job.voice else ()
    why = (separating_why, listening_why, translating_why, dubbing_why)
    return Decided(found, _clock(job.media), separation, transcription, wishes, why)


def find_media(media: Source) -> Found:
    """The sound file, the video and the number of its audio track, or the timeline's pieces.

    Raises:
        ValidationError, FFmpegError, InvalidJob: it cannot be used; see `cut_timeline` for timelines.
    """
    from dubline.media.probing import as_sound, choose_track, probe

    if not isinstance(media, FileMedia):
        return cut_timeline(media)
    try:
        media.path.encode()
    except UnicodeEncodeError:
        raise InvalidJob(
            f"the name {media.path!r} is not valid text", hint="Rename the file or its folder."
        ) from None
    if media.offset_frames < 0:
        raise InvalidJob(
            f"the file begins {-media.offset_frames} frames before the timeline",
            hint="Render the sound from the timeline's start on, or from a later frame.",
        )
    path = Path(media.path)
    sound = as_sound(path)
    if sound is not None and not media.track:
        return sound
    probed = probe(path)
    return probed, choose_track(probed, media.track or None).index


def read_sound(run: Run, found: Found) -> Sound:
    """The sound to work on: as it lies there, extracted from a video, or built from a timeline's clips.

    What a process that was killed had begun to write is cleared away first; no other works in this run.
    """
    for name in ("extract", "timeline"):
        for begun in (run.root / "steps").glob(f".{name}-*.part"):
            shutil.rmtree(begun, ignore_errors=True)
    if isinstance(found, TimelineCut):
        return run.step(timeline_sound, found)
    return run.step(extract_sound, *found) if isinstance(found, tuple) else found


def publish_stems(run: Run, stems: Stems) -> tuple[Path, ...]:
    """Put the stems and their picture where a person looks: stems/NAME.wav, stems.png."""
    files = tuple(run.publish(stem.path, f"stems/{stem.name}.wav") for stem in stems.stems)
    run.publish(f"{stems.vocals.path.rpartition('/')[0]}/stems.png", "stems.png")
    return files


@step("clock", version=1)
def place_on_timeline(work: Work, clock: RunClock) -> RunClock:
    """Keep in the run where its sound lies on a timeline, for whoever puts the results there."""
    return clock


def summary(done: Localized, run: Run) -> dict[str, Any]:
    """What came out, as flat JSON: counts, and files relative to the run folder."""
    told: dict[str, Any] = {"seconds": round(done.sound.duration, 3), "files": []}
    if done.stems is not None:
        told["stems"] = [
            {"name": stem.name, "label": stem.label, "empty": stem.empty} for stem in done.stems.stems
        ]
        told["files"] += [f"stems/{stem.name}.wav" for stem in done.stems.stems]
    if done.transcript is not None:
        told["language"] = done.transcript.language
        told["segments"] = len(done.transcript.segments)
        told["speakers"] = [
            {"id": s.id, "name": s.name, "seconds": s.seconds} for s in done.transcript.speakers
        ]
        told["files"].append(TRANSCRIPT)
    told["translations"] = [
        {"language": t.target_language, **msgspec.to_builtins(t.totals)} for t in done.translations
    ]
    told["dubs"] = [_told(dub) for dub in done.dubs]
    told["files"] += [path.relative_to(run.root).as_posix() for path in done.files]
    return told


def _told(dub: Dub) -> dict[str, Any]:
    states = [take.state for take in dub.takes.takes]
    told: dict[str, Any] = {"language": dub.language}
    told |= {state: states.count(state) for state in ("spoken", "too_long", "failed", "silent")}
    if dub.mix is not None:
        told["target"] = dub.mix.target
        told["before"] = msgspec.to_builtins(dub.mix.before)
        told["after"] = msgspec.to_builtins(dub.mix.after)
    return told


def _clock(media: Source) -> RunClock:
    if isinstance(media, FileMedia):
        return RunClock(first=media.offset_frames)
    return RunClock(rate=str(media.fps), first=media.first)


def _wishes(job: LocalizeJob, target: str) -> Wishes:
    # A voice that clones costs too much, or is somebody's service: it speaks the dub and no draft before.
    heard = job.voice if job.voice != "command" else ""
    return Wishes(
        target=target,
        voice=heard,
        voice_options=job.voice_options if heard else {},
        source=job.source,
        translator=job.translator,
        model=job.translator_model,
        options={"server": job.server} if job.server else {},
        glossary=Path(job.glossary) if job.glossary else None,
        synopsis=Path(job.synopsis) if job.synopsis else None,
        cast=Path(job.cast) if job.cast else None,
    )


def _checked(wishes: Wishes) -> tuple[str, ...]:
    """Refuse now what a translation would refuse after an hour of other work; the reasons of its route.

    Where the language is left to be detected, the route can only be known then.
    """
    from dubline.values.glossary import read_glossary

    if wishes.glossary is not None:
        read_glossary(wishes.glossary)
    if wishes.synopsis is not None and not wishes.synopsis.is_file():
        raise InvalidJob(f"there is no {wishes.synopsis}", hint="Give a text file in UTF-8.")
    if not wishes.source:
        return ()
    check_languages(wishes.source, wishes.target)
    decided = route_translation(
        source=wishes.source, target=wishes.target, translator=wishes.translator, model=wishes.model
    )
    return decided.reasons


def _dub_wishes(job: LocalizeJob, language: str) -> DubWishes:
    return DubWishes(
        language=language,
        voice=job.voice,
        options=job.voice_options,
        cast=Path(job.cast) if job.cast else None,
        mix={"target": job.loudness},
        rights=job.voice_rights,
    )


def _checked_dubs(job: LocalizeJob) -> tuple[str, ...]:
    """Refuse now what a dub would refuse after an hour of other work; who speaks, and why."""
    if not job.stems or not job.languages:
        missing = "stems" if not job.stems else "a translation"
        raise InvalidJob(
            f"a dub needs {missing}",
            hint="Name a language to translate into, and let the sound be separated; or name no voice.",
        )
    MixJob(target=job.loudness)
    reasons: list[str] = []
    for language in job.languages:
        settled = settle(_dub_wishes(job, language), DubSettings(), language, Path())
        open_voices(settled, language)
        reasons.extend(settled.reasons)
    return tuple(reasons)


def _has_clips(cast: str) -> bool:
    from dubline.values.cast import read_cast

    return any(member.clips for member in read_cast(Path(cast)).values())
