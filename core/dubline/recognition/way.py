"""What a run does to have a transcript: settle who listens, find speakers and words, and publish.

    transcribing = settle_transcription(wish, before)     who listens, and why; nothing is loaded
    transcript = transcribe_run(run, original, stems, transcribing, hints={})

    transcribe               one sound: who speaks is told by the voices
    transcribe_microphones   a track or channel for each speaker: who speaks is told by the microphones

With a `text` the words are somebody's own, and a recognizer is run only where that text has no times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from dubline.backends.backend import Sought
from dubline.backends.choosing import Settled, find, settle
from dubline.errors import InvalidJob
from dubline.media.extraction import extract_sound
from dubline.media.speech import RATE
from dubline.recognition.attribution import attribute_text
from dubline.recognition.given_text import GivenText, place_text
from dubline.recognition.microphones import (
    Microphone,
    MicrophoneRules,
    diarize_microphones,
    find_microphones,
    recognize_microphones,
)
from dubline.recognition.publish import publish_transcript
from dubline.recognition.segments import SegmentRules
from dubline.recognition.stage import (
    DiarizationJob,
    Diarized,
    RecognitionJob,
    Recognized,
    SpeechFile,
    cut,
    diarize,
    listen,
    recognize,
)
from dubline.recognition.voice_names import cast_names
from dubline.run import Run
from dubline.values.base import Choice, Value
from dubline.values.cast import read_cast
from dubline.values.glossary import read_glossary
from dubline.values.media import Sound
from dubline.values.stems import Stems
from dubline.values.transcript import Transcript
from dubline.values.wishes import TranscribeWish, file_of

Hints = Mapping[str, Any]
Tell = Callable[[str], None]


class TranscriptionJob(Value, frozen=True):
    """What is asked of recognition. `diarization` may be None where each speaker has a microphone,
    `recognition` where `text` is timed."""

    diarization: DiarizationJob | None = None
    recognition: RecognitionJob | None = None
    text: GivenText | None = None
    microphones: MicrophoneRules = MicrophoneRules()


class Transcribing(NamedTuple):
    """A decision: the wish with all that was left open, the job of it, and the reasons in words.

    `cast` is the cast file, where it has clips of voices.
    """

    wish: TranscribeWish
    job: TranscriptionJob
    reasons: tuple[str, ...]
    cast: Path | None = None

    @property
    def listens_to_voices(self) -> bool:
        """Whether it needs the separated voices."""
        return self.wish.on != "mix" and not self.wish.speakers_from_tracks


class Transcribed(NamedTuple):
    """A transcript, and what it was made from: `heard` is what the speakers were found in; None where each
    had a microphone."""

    transcript: Transcript
    speakers: Diarized
    heard: SpeechFile | None


def settle_transcription(wish: TranscribeWish, before: TranscribeWish | None = None) -> Transcribing:
    """Decide who listens. `before` is what the run was asked the last time.

    Raises:
        InvalidJob: wishes that contradict each other, an unknown back end or option, a file that is wrong.
        BackendMissing, WeightsError: one that was named cannot be used, or none can.
    """
    wish = wish.over(before)
    _check_together(wish)
    language = wish.language or ""
    text = _given_text(wish)
    reasons: list[str] = []
    diarization = recognition = None
    diarizer = recognizer = None
    if not wish.speakers_from_tracks:
        diarizer = _settled("diarizer", wish, "", _counts(wish))
        diarization = DiarizationJob(diarizer=diarizer.choice)
        reasons.extend(diarizer.reasons)
    if text is None or not text.timed:
        recognizer = _settled("recognizer", wish, language, {})
        reasons.extend(recognizer.reasons)
        choice = _with_terms(recognizer.choice, wish)
        rules = SegmentRules(lines=2) if wish.subtitles else SegmentRules()
        recognition = RecognitionJob(recognizer=choice, segments=rules)
        if not language and _detects(choice):
            reasons.append("language: not named, so it is detected in every stretch; naming it is safer")
    elif wish.glossary:
        raise InvalidJob(
            "--glossary without a recognizer", hint="A text with times needs none: leave the glossary out."
        )
    if wish.on == "mix" and diarization is not None:
        reasons.append(
            "sound: the mix, as asked; music and effects cost words and speakers, the voices alone would not"
        )
    named = {
        kind: value
        for kind, settled in (("diarizer", diarizer), ("recognizer", recognizer))
        if settled is not None
        for kind, value in (
            (kind, settled.choice.backend),
            (f"{kind}_model", settled.choice.options.get("model")),
        )
    }
    return Transcribing(
        replace(wish, **named),
        TranscriptionJob(diarization=diarization, recognition=recognition, text=text),
        tuple(reasons),
        _cast_with_clips(wish),
    )


def transcribe_run(
    run: Run,
    sound: Sound,
    stems: Stems | None,
    transcribing: Transcribing,
    *,
    media: tuple[Path, str] | None = None,
    hints: Hints,
    tell: Tell = lambda words: None,
) -> Transcript:
    """The transcript of a run, published with its .rttm, .ctm and .srt.

    `stems` are listened to where they are wanted and given, else `sound`. `media` is the file and the name of
    its track, for microphones.

    Raises:
        As `transcribe`.
    """
    hints = {**hints, "reasons": transcribing.reasons}
    job = transcribing.job
    if transcribing.wish.speakers_from_tracks:
        if media is None:
            raise InvalidJob(
                "a timeline has no microphones to tell apart", hint="Give the file that has a track for each."
            )
        microphones = find_microphones(*media, transcribing.wish.microphones or "")
        transcribed = transcribe_microphones(run, microphones, job, hints)
    else:
        voices = stems is not None and transcribing.listens_to_voices
        transcribed = transcribe(run, stems.vocals.sound if stems and voices else sound, job, hints)
    names = None
    if transcribing.cast is not None and transcribed.heard is not None and job.diarization is not None:
        names = cast_names(
            run, transcribed.heard, transcribed.speakers, job.diarization, transcribing.cast, hints=hints
        )
    transcript = publish_transcript(transcribed.transcript, run.root, cast=names, tell=tell)
    run.keep_wish("transcribe", transcribing.wish.kept())
    return transcript


def transcribe(run: Run, sound: Sound, job: TranscriptionJob, hints: Hints) -> Transcribed:
    """Who says what in a sound.

    Raises:
        InvalidJob: no text and no recognizer; the text does not belong to the sound.
        BackendMissing, WeightsError: a back end cannot be used as asked.
        Cancelled: the report asked to stop.
    """
    heard = run.step(listen, sound, None)
    if job.diarization is None:
        raise InvalidJob("no diarizer was named", hint="Name one, or give each speaker a microphone.")
    speakers = run.step(diarize, heard, job.diarization, hints=dict(hints))
    words = None
    if needs_words(job):
        words = run.step(recognize, heard, speakers, _words_job(job), hints=dict(hints))
    return Transcribed(_written(run, heard, speakers, words, job), speakers, heard)


def transcribe_microphones(
    run: Run, microphones: tuple[Microphone, ...], job: TranscriptionJob, hints: Hints
) -> Transcribed:
    """Who says what, where everybody has a microphone; nothing is separated or diarized.

    Raises:
        InvalidJob: as `transcribe`; or a text is to be refined, which needs one sound.
        BackendMissing, WeightsError, Cancelled: as `transcribe`.
    """
    if job.text is not None and job.text.refine:
        raise InvalidJob(
            "times are refined on one sound, and here are several",
            hint="Leave out --refine, or --speakers-from-tracks.",
        )
    heard = tuple(_listened(run, microphone) for microphone in microphones)
    labels = tuple(microphone.label for microphone in microphones)
    names = {microphone.label: microphone.name for microphone in microphones}
    speakers = run.step(diarize_microphones, heard, labels, names, job.microphones)
    words = None
    if needs_words(job):
        words = run.step(recognize_microphones, heard, labels, speakers, _words_job(job), hints=dict(hints))
    longest = max(heard, key=lambda file: file.frames)
    return Transcribed(_written(run, longest, speakers, words, job), speakers, None)


def needs_words(job: TranscriptionJob) -> bool:
    """Whether a recognizer has to listen."""
    return job.text is None or not job.text.timed


def _listened(run: Run, microphone: Microphone) -> SpeechFile:
    if microphone.sound is not None:
        return run.step(listen, microphone.sound, microphone.channel)
    return run.step(listen, run.step(extract_sound, microphone.media, microphone.track), microphone.channel)


def _words_job(job: TranscriptionJob) -> Any:
    if job.recognition is None:
        raise InvalidJob("no recognizer was named", hint="Name one, or give a text with times.")
    return job.recognition.words


def _written(
    run: Run, heard: SpeechFile, speakers: Diarized, words: Recognized | None, job: TranscriptionJob
) -> Transcript:
    duration = heard.frames / RATE
    if job.text is not None:
        placed = run.step(place_text, heard, job.text, words)
        return run.step(attribute_text, placed, speakers, duration)
    assert words is not None and job.recognition is not None
    return run.step(cut, words, speakers, duration, job.recognition.cutting)


def _check_together(wish: TranscribeWish) -> None:
    """Refuse wishes that contradict each other.

    Raises:
        InvalidJob: they do.
    """
    counted = bool(wish.speakers or wish.min_speakers or wish.max_speakers)
    for wrong, what, hint in (
        (wish.refine and not wish.text, "--refine without a text", "Give the text with --text."),
        (
            wish.refine and wish.speakers_from_tracks,
            "--refine together with --speakers-from-tracks",
            "Times are refined on one sound; leave out one of the two.",
        ),
        (
            wish.microphones and not wish.speakers_from_tracks,
            "--microphones without --speakers-from-tracks",
            "Add --speakers-from-tracks.",
        ),
        (
            wish.speakers_from_tracks and wish.cast,
            "--cast together with --speakers-from-tracks",
            "There the tracks name the speakers: give the tracks titles, or use `dubline speakers rename`.",
        ),
        (
            wish.speakers_from_tracks and counted,
            "a number of speakers together with --speakers-from-tracks",
            "There the microphones are counted; choose them with --microphones.",
        ),
    ):
        if wrong:
            raise InvalidJob(what, hint=hint)


def _settled(kind: str, wish: TranscribeWish, language: str, more: dict[str, Any]) -> Settled:
    return settle(
        kind,
        getattr(wish, kind) or "auto",
        Sought(model=getattr(wish, f"{kind}_model") or "", language=language),
        options={**more, **(getattr(wish, f"{kind}_options") or {})},
    )


def _counts(wish: TranscribeWish) -> dict[str, int]:
    counts = {name: getattr(wish, name) for name in ("speakers", "min_speakers", "max_speakers")}
    return {name: count for name, count in counts.items() if count is not None}


def _detects(choice: Choice) -> bool:
    """Whether a recognizer that was told no language finds it out by itself."""
    languages = find("recognizer", choice.backend).languages
    return languages is None or len(languages) > 1


def _given_text(wish: TranscribeWish) -> GivenText | None:
    from dubline.recognition.given_cues import read_cues, shifted

    path = file_of(wish, "text")
    if path is None:
        return None
    cues = shifted(read_cues(path, encoding=wish.text_encoding or ""), wish.text_offset or 0.0)
    return GivenText(cues=cues, language=wish.language or "", refine=bool(wish.refine))


def _with_terms(choice: Choice, wish: TranscribeWish) -> Choice:
    """A recognizer that expects the glossary's source terms.

    Raises:
        InvalidJob: it takes none, or the file is no glossary.
    """
    path = file_of(wish, "glossary")
    if path is None:
        return choice
    if "glossary" not in find("recognizer", choice.backend).Options.__struct_fields__:
        raise InvalidJob(
            f"the recognizer {choice.backend} takes no glossary",
            hint="Leave out --glossary, or take another recognizer: `dubline backends` lists them.",
        )
    terms = [term.source for term in read_glossary(path)]
    return replace(choice, options={**choice.options, "glossary": terms})


def _cast_with_clips(wish: TranscribeWish) -> Path | None:
    path = file_of(wish, "cast")
    return path if path is not None and any(m.clips for m in read_cast(path).values()) else None
