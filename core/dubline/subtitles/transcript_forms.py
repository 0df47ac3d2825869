"""Who wrote a transcript as JSON, told by its keys, and where each of them puts what."""

from __future__ import annotations

from typing import Any, NamedTuple

from dubline.errors import InvalidJob

NEEDED = (
    "It needs `segments`, each with `text`, `start` and `end` in seconds. The JSON of WhisperX, Whisper, "
    "whisper.cpp, AssemblyAI and AutoSubs is read as it is."
)


class Form(NamedTuple):
    """How a program writes: under which key its segments are, what it calls a speaker, in which part of a
    second it counts, and all that it writes beside. `top` and `fields` are none of a user's own."""

    name: str
    place: str = "segments"
    speaker: str = "speaker"
    per_second: int = 1
    top: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


TOLD = _set("language language_code duration total_duration audio_duration num_speakers")
SAID = _set("speaker start end text confidence")
_WHISPER = _set(
    "id seek tokens temperature avg_logprob compression_ratio no_speech_prob words score probability chars"
)
CUSTOM = Form("a transcript", fields=frozenset({"id", "words"}))
DUBLINE = Form(
    "Dubline",
    top=_set(
        """format source_language target_language speakers recognizer diarizer dropped translator translators
        paces totals notes more"""
    ),
    fields=_set(
        """id words overlap flags language source_language source_text state locked reasons warnings
        candidates picked sentence fit tone written doubt more"""
    ),
)
WHISPERX = Form("WhisperX", top=_set("word_segments"), fields=_WHISPER)
WHISPER = Form("Whisper", top=_set("info text language_probability"), fields=_WHISPER)
WHISPER_CPP = Form(
    "whisper.cpp",
    place="transcription",
    per_second=1000,
    top=_set("systeminfo model params result"),
    fields=_set("timestamps offsets tokens speaker_turn_next"),
)
AUTOSUBS = Form(
    "AutoSubs",
    speaker="speaker_id",
    top=_set("filename createdAt processingTime processing_time_sec speakers originalSegments displayName"),
    fields=_WHISPER,
)
ASSEMBLYAI = Form("AssemblyAI", place="utterances", per_second=1000, fields=_set("words channel"))


def recognised(raw: Any, where: str) -> tuple[dict[str, Any], Form]:
    """The object that has the segments, and who wrote it."""
    if isinstance(raw, list) and len(raw) == 2 and isinstance(raw[0], list) and isinstance(raw[1], dict):
        raw = {"segments": raw[0], "info": raw[1]}  # faster-whisper's (segments, info)
    if isinstance(raw, list):
        holders = [item for item in raw if isinstance(item, dict) and "segments" in item]
        if len(holders) > 1:
            raise InvalidJob(
                f"{where} holds {len(holders)} transcripts", hint="Give a file with one transcript in it."
            )
        bare = bool(raw) and all(isinstance(item, dict) and "text" in item for item in raw)
        raw = holders[0] if holders and len(raw) == 1 else {"segments": raw} if bare else raw
    if isinstance(raw, dict):
        if str(raw.get("format")).startswith("dubline.") or _is_ours(raw):
            return {"segments": [], **raw}, DUBLINE
        if "transcription" in raw:
            return raw, WHISPER_CPP
        if raw.get("utterances") is not None:
            return raw, ASSEMBLYAI._replace(top=frozenset(raw))
        if "segments" in raw:
            return raw, _by_fields(raw)
        if "audio_url" in raw or "speech_model" in raw:
            raise InvalidJob(
                f"{where} has no utterances", hint="Let AssemblyAI tell the speakers apart: speaker_labels."
            )
    raise InvalidJob(f"{where} is not a transcript that Dubline knows", hint=NEEDED)


def tables(listed: Any) -> list[dict[str, Any]]:
    """The objects in what should be a list of them."""
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _is_ours(raw: dict[str, Any]) -> bool:
    """Whether an object without a format has Dubline's fields and no others."""
    items = tables(raw.get("segments"))
    return (
        {"duration", "language"} <= raw.keys() <= DUBLINE.top | TOLD | {"segments"}
        and bool(items)
        and all({"id"} <= item.keys() <= DUBLINE.fields | SAID for item in items)
    )


def _by_fields(raw: dict[str, Any]) -> Form:
    """Of those that have `segments`, who wrote it."""
    items = tables(raw["segments"])
    fields = {name for item in items for name in item}
    words = [word for item in items for word in tables(item.get("words"))]
    if "speaker_id" in fields or "originalSegments" in raw:
        return AUTOSUBS
    if "word_segments" in raw or any("score" in word for word in words):
        return WHISPERX
    if "info" in raw or {"seek", "avg_logprob", "no_speech_prob"} & fields:
        return WHISPER
    return CUSTOM
