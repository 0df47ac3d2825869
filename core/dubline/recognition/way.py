"""What a run does to have a transcript: settle who listens, find speakers and words, and publish.

    transcribing = settle_transcription(wish, before)     who listens, and why; nothing is loaded
    transcript = transcribe_run(run, original, stems, transcribing, hints={})

Who speaks is told by the voices in one sound, or by microphones where each speaker has a track or channel.
With a `text` the words are somebody's own, and a recognizer is run only where that text has no times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from dubline.backends.backend import Sought
from dubline.backends.choosing import find, settle
from dubline.errors import InvalidJob, Lacking
from dubline.language.script import base_language
from dubline.media.extraction import extract_sound
from dubline.media.speech import RATE
from dubline.recognition.attribution import attribute_text
from dubline.recognition.contradictions import check_together, refuse_early
from dubline.recognition.cutting import SegmentRules
from dubline.recognition.ears import (
    EITHER,
    MIX,
    NETWORK,
    VOCALS,
    Ears,
    choose_turns,
    require_voices,
    settle_ears,
)
from dubline.recognition.enhancement import enhance
from dubline.recognition.exports import read_rttm
from dubline.recognition.given_cues import embedded_text, read_text, shifted
from dubline.recognition.given_text import GivenText, place_text
from dubline.recognition.given_turns import TURNS, GivenTurns, take_turns
from dubline.recognition.microphones import (
    Microphone,
    MicrophoneRules,
    diarize_microphones,
    find_microphones,
    recognize_microphones,
)
from dubline.recognition.passages import Witness
from dubline.recognition.publish import publish_transcript, publish_turns
from dubline.recognition.stage import (
    NO_WITNESS,
    CutJob,
    DiarizationJob,
    Diarized,
    Recognized,
    SpeechFile,
    WordsJob,
    cut,
    diarize,
    listen,
    recognize,
)
from dubline.recognition.voice_names import cast_names
from dubline.recognition.witness import detector, witness
from dubline.run import Run
from dubline.values.base import Choice, Value
from dubline.values.cast import read_cast
from dubline.values.glossary import read_glossary
from dubline.values.media import Sound
from dubline.values.stems import Stems
from dubline.values.transcript import Transcript
from dubline.values.wishes import TranscribeWish, file_of, is_embedded
from dubline.weights.wheels import SILERO, require_file

Hints = Mapping[str, Any]
Tell = Callable[[str], None]


class TranscriptionJob(Value, frozen=True):
    """What is asked of recognition. `diarization` is None where each speaker has a microphone, `words` where
    `text` is timed. `turns` stand in the place of what a diarizer hears."""

    diarization: DiarizationJob | None = None
    words: WordsJob | None = None
    cutting: CutJob = CutJob()
    text: GivenText | None = None
    turns: GivenTurns | None = None


class Transcribing(NamedTuple):
    """A decision: the wish with all that was left open, the job of it, and the reasons in words.

    `cast` is the cast file, where it has clips of voices. `ears`: what is listened to, where no microphones
    are.
    """

    wish: TranscribeWish
    job: TranscriptionJob
    reasons: tuple[str, ...]
    cast: Path | None = None
    ears: Ears = Ears()

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that take their time, in their order."""
        stages = (
            ("separate", self.ears.stems),
            ("enhance", self.ears.network is not None),
            ("diarize", self.job.diarization not in (None, TURNS)),
            ("diarize", self.ears.turns == EITHER),
            ("recognize", self.job.words is not None),
        )
        return tuple(name for name, wanted in stages if wanted)


def settle_transcription(
    wish: TranscribeWish, before: TranscribeWish | None = None, film: Path | None = None
) -> Transcribing:
    """Decide who listens. `before` is what the run was asked the last time; `film` may hold the text.

    Raises:
        InvalidJob: wishes that contradict each other, an unknown back end or option, a file that is wrong.
        BackendMissing, WeightsError: one that was named cannot be used, or none can.
    """
    asked, wish = wish, wish.over(before)
    check_together(wish)
    language = wish.language or ""
    text, notes = _given_text(wish, film)
    reasons: list[str] = list(notes)
    turns = _given_turns(wish)
    chosen: dict[str, str | None] = {}

    def decided(kind: str, language: str, more: dict[str, Any]) -> Choice:
        settled = settle(
            kind,
            getattr(wish, kind) or "auto",
            Sought(model=getattr(wish, f"{kind}_model") or "", language=language),
            options={**more, **(getattr(wish, f"{kind}_options") or {})},
            why=asked.origin(kind),
        )
        reasons.extend(settled.reasons)
        chosen.update({kind: settled.choice.backend, f"{kind}_model": settled.choice.options.get("model")})
        return settled.choice

    diarization = words = None
    lacking = Lacking()
    if turns is not None:
        diarization = TURNS
        reasons.append(f"diarizer: none, for {Path(wish.turns or '').name} says who speaks when")
    elif not wish.speakers_from_tracks:
        with lacking():
            diarization = DiarizationJob(diarizer=decided("diarizer", "", _counts(wish)))
    if text is None or not text.timed:
        with lacking():
            # A recognizer hears a language, and no country's way of it.
            choice = _with_terms(decided("recognizer", base_language(language), {}), wish)
            words = WordsJob(recognizer=choice)
            if not language and _detects(choice):
                where = (
                    "for each turn"
                    if hasattr(find("recognizer", choice.backend), "detect")
                    else "in every stretch"
                )
                reasons.append(f"language: not named, so it is found {where}; naming it is safer")
    elif asked.recognizer or asked.recognizer_model or asked.recognizer_options:
        raise InvalidJob(
            f"a recognizer together with a text that has its times ({wish.text})",
            hint="The text's words are taken as they are: leave out the recognizer. To recognise the words "
            "instead of this text, start over with --forget.",
        )
    elif wish.glossary:
        raise InvalidJob(
            "--glossary without a recognizer", hint="A text with times needs none: leave out the glossary."
        )
    lacking.tell()
    if diarization is not None and turns is None:
        refuse_early("diarizer", diarization.diarizer, asked, "")
    if words is not None:
        refuse_early("recognizer", words.recognizer, asked, base_language(language))
    ears = Ears()
    if not wish.speakers_from_tracks:
        ears = settle_ears(wish, asked, turns=turns is None, words=words is not None)
        reasons += [ears.reason] if ears.reason else []
    cast = _cast_with_clips(wish)
    if turns is not None and cast is not None:
        cast = None
        reasons.append("cast: its clips name nobody here, for no voice is listened to")
    cutting = CutJob(segments=SegmentRules(lines=2)) if wish.subtitles else CutJob()
    return Transcribing(
        replace(
            wish,
            **chosen,
            turns_from=ears.turns or wish.turns_from,
            words_from=ears.words or wish.words_from,
        ),
        TranscriptionJob(diarization=diarization, words=words, cutting=cutting, text=text, turns=turns),
        tuple(reasons),
        cast,
        ears,
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
    """The transcript of a run, published with its .rttm, .ctm and .srt, and the diarizer's turns as .rttm.

    `stems` are those of the sound, for ears that want the separated voices. `media` is the file and the name
    of its track, for microphones.

    Raises:
        InvalidJob: there are no microphones, or no separated voices; the text does not belong to the sound.
        BackendMissing, WeightsError: a back end cannot be used as asked.
        Cancelled: the report asked to stop.
    """
    hints = {**hints, "reasons": transcribing.reasons}
    names = None
    if microphones := microphones_of(transcribing.wish, media):
        transcript, speakers = _by_microphones(run, microphones, transcribing.job, hints)
    else:
        if stems is not None and stems.lost and transcribing.ears.stems:
            why = f"sound: the mix, because {stems.lost}"
            tell(why)
            hints["reasons"] = (*transcribing.reasons, why)
        transcript, speakers, names = _by_voices(run, sound, stems, transcribing, hints)
    publish_turns(speakers, transcript, run.root)
    transcript = publish_transcript(transcript, run.root, cast=names, tell=tell)
    run.keep_wish("transcribe", transcribing.wish.kept())
    return transcript


def microphones_of(wish: TranscribeWish, media: tuple[Path, str] | None) -> tuple[Microphone, ...]:
    """The microphones that tell who speaks; none where voices do. `media` is the file and the name of its
    track, None for a timeline. To be asked before anything is decoded, too.

    Raises:
        InvalidJob: there are none, or one alone.
        BackendMissing: nothing here can hear who speaks on them.
    """
    if not wish.speakers_from_tracks:
        return ()
    if media is None:
        raise InvalidJob(
            "a timeline has no microphones to tell apart", hint="Give the file that has a track for each."
        )
    found = find_microphones(*media, wish.microphones or "")
    require_file(SILERO)
    return found


def _by_voices(
    run: Run, sound: Sound, stems: Stems | None, transcribing: Transcribing, hints: dict[str, Any]
) -> tuple[Transcript, Diarized, dict[str, str] | None]:
    """Who says what in one sound, who speaks when in it, and the names that a cast with clips gives."""
    job, ears = transcribing.job, transcribing.ears
    assert job.diarization is not None
    made: dict[str, SpeechFile] = {}

    def heard(ear: str) -> SpeechFile:
        if ear not in made:
            if ear == NETWORK:
                made[ear] = run.step(enhance, sound, ears.network, hints=hints)
            else:
                made[ear] = run.step(listen, require_voices(stems) if ear == VOCALS else sound, None)
        return made[ear]

    for_turns = heard(NETWORK if ears.turns == EITHER else ears.turns or ears.words or MIX)
    if job.turns is not None:
        speakers = run.step(take_turns, for_turns, job.diarization, job.turns)
    else:
        speakers = run.step(diarize, for_turns, job.diarization, hints=hints)
    if ears.turns == EITHER:
        in_mix = run.step(diarize, heard(MIX), job.diarization, hints=hints)
        speakers = run.step(choose_turns, for_turns, heard(MIX), speakers, in_mix)
    words, second = None, NO_WITNESS
    if job.words is not None:
        for_words = heard(ears.words)
        if job.turns is None:
            listened = (for_words,) if for_words == for_turns else (for_words, for_turns)
            second = run.step(witness, listened, detector())
        # Music hides where a word begins: the voice alone shows it.
        edges = () if NETWORK not in made or ears.words == NETWORK else (made[NETWORK],)
        words = run.step(recognize, for_words, speakers, job.words, second, *edges, hints=hints)
    transcript = _written(run, for_turns, speakers, words, job, second)
    if transcribing.cast is None:
        return transcript, speakers, None
    return transcript, speakers, cast_names(run, speakers, job.diarization, transcribing.cast, hints=hints)


def _by_microphones(
    run: Run, microphones: tuple[Microphone, ...], job: TranscriptionJob, hints: dict[str, Any]
) -> tuple[Transcript, Diarized]:
    """Who says what, where everybody has a microphone; nothing is separated or diarized."""
    heard = tuple(_listened(run, microphone) for microphone in microphones)
    labels = tuple(microphone.label for microphone in microphones)
    names = {microphone.label: microphone.name for microphone in microphones}
    speakers = run.step(diarize_microphones, heard, labels, names, MicrophoneRules())
    words = None
    if job.words is not None:
        words = run.step(recognize_microphones, heard, labels, speakers, job.words, hints=hints)
    longest = max(heard, key=lambda file: file.frames)
    return _written(run, longest, speakers, words, job), speakers


def _listened(run: Run, microphone: Microphone) -> SpeechFile:
    sound = microphone.sound or run.step(extract_sound, microphone.media, microphone.track)
    return run.step(listen, sound, microphone.channel)


def _written(
    run: Run,
    heard: SpeechFile,
    speakers: Diarized,
    words: Recognized | None,
    job: TranscriptionJob,
    second: Witness = NO_WITNESS,
) -> Transcript:
    duration = heard.frames / RATE
    if job.text is not None:
        placed = run.step(place_text, heard, job.text, words)
        return run.step(attribute_text, placed, speakers, duration)
    assert words is not None
    return run.step(cut, words, speakers, duration, job.cutting, second)


def _counts(wish: TranscribeWish) -> dict[str, int]:
    counts = {name: getattr(wish, name) for name in ("speakers", "min_speakers", "max_speakers")}
    return {name: count for name, count in counts.items() if count is not None}


def _detects(choice: Choice) -> bool:
    """Whether a recognizer that was told no language finds it out by itself."""
    languages = find("recognizer", choice.backend).languages
    return languages is None or len(languages) > 1


def _given_text(wish: TranscribeWish, film: Path | None) -> tuple[GivenText | None, tuple[str, ...]]:
    """The text that is given, and what is to be said about where it comes from."""
    if wish.text and is_embedded(wish.text):
        if film is None:
            raise InvalidJob(
                "a timeline has no subtitles in it", hint="Give the text as a file: --text lines.srt."
            )
        read = embedded_text(film, wish.text.partition(":")[2])
    else:
        path = file_of(wish, "text")
        if path is None:
            return None, ()
        read = read_text(path, encoding=wish.text_encoding or "")
    cues = shifted(read.cues, wish.text_offset or 0.0)
    language = wish.language or read.language
    text = GivenText(cues=cues, language=language, refine=bool(wish.refine))
    return replace(text, more=dict(read.more)) if read.more else text, read.notes


def _given_turns(wish: TranscribeWish) -> GivenTurns | None:
    path = file_of(wish, "turns")
    if path is None:
        return None
    turns = read_rttm(path)
    if not turns:
        raise InvalidJob(f"{path.name} says of nobody when they speak", hint="Give an .rttm with turns.")
    return GivenTurns(turns=turns)


def _with_terms(choice: Choice, wish: TranscribeWish) -> Choice:
    """A recognizer that expects the glossary's source terms.

    Raises:
        InvalidJob: it takes none, or the file is no glossary.
    """
    path = file_of(wish, "glossary")
    if path is None:
        return choice
    cls = find("recognizer", choice.backend)
    can = "glossary" in cls.Options.__struct_fields__
    model = str(choice.options.get("model", ""))
    # Of a back end with many kinds of models, some take one.
    if not can or not getattr(cls, "takes_glossary", lambda options: True)(choice.options):
        raise InvalidJob(
            f"the recognizer {choice.backend} takes no glossary{f' with {model}' if can else ''}",
            hint="Leave out --glossary, or use another recognizer: `dubline backends` lists them.",
        )
    terms = [term.source for term in read_glossary(path)]
    return replace(choice, options={**choice.options, "glossary": terms})


def _cast_with_clips(wish: TranscribeWish) -> Path | None:
    path = file_of(wish, "cast")
    return path if path is not None and any(m.clips for m in read_cast(path).values()) else None
