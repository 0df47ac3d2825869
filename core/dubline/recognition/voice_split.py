"""Which segments of a speaker become other voices: those a person names, or those that sound different."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dubline.errors import InvalidJob
from dubline.media.speech import Speech
from dubline.recognition.origin import diarizer_of, origin_of
from dubline.report import Report, silent
from dubline.signal.embeddings import divide
from dubline.values.layout import Layout
from dubline.values.segment_ids import ranges_of
from dubline.values.transcript import Transcript

HINT = "Give segment numbers of this speaker, like 17,23-40."


def segments_named(text: str) -> Callable[[Transcript, str], list[set[int]]]:
    """ "17,23-40" as what `split_speaker` asks for: of a range, the segments that are the speaker's.

    Raises:
        InvalidJob: no numbers; when called, a number that is not the speaker's.
    """
    ranges = ranges_of(text)

    def choose(transcript: Transcript, who: str) -> list[set[int]]:
        speaker = {s.id: s.speaker for s in transcript.segments}
        chosen: set[int] = set()
        for first, last in ranges:
            mine = {k for k, v in speaker.items() if v == who and first <= k <= last}
            if not mine:
                which = f"segment {first}" if first == last else f"none of the segments {first}-{last}"
                whose = speaker.get(first) if first == last else None
                raise InvalidJob(
                    f"{which} is {who}'s" if first != last else f"{which} is not {who}'s",
                    hint=f"It is {whose}'s. {HINT}" if whose else HINT,
                )
            chosen |= mine
        return [chosen]

    return choose


def segments_by_voice(
    root: Path,
    into: int,
    *,
    hints: Mapping[str, Any] | None = None,
    report: Report = silent,
) -> Callable[[Transcript, str], list[set[int]]]:
    """The speaker's segments as `into` voices, heard by the run's own diarizer, for `split_speaker`.

    The voice with the most speech is not in the result: it stays the speaker. A segment too short to be told
    by its voice goes with the nearest in time. `report` counts seconds of the speaker's speech.

    Raises (when called):
        InvalidJob: the sound is gone, or too few segments are long enough.
        BackendMissing, WeightsError: the diarizer cannot be opened.
    """

    def choose(transcript: Transcript, who: str) -> list[set[int]]:
        origin = origin_of(root)
        if origin.speech is None:
            raise InvalidJob(
                "the sound that was listened to is gone",
                hint="Run `dubline transcribe` again, or name the segments with --segments.",
            )
        own = [s for s in transcript.segments if s.speaker == who]
        vectors: dict[int, tuple[float, ...]] = {}
        with (
            diarizer_of(origin, hints=hints) as diarizer,
            Speech(Layout(root).file(origin.speech.path)) as speech,
        ):
            total, heard = sum(s.end - s.start for s in own), 0.0
            for number, segment in enumerate(own):
                report(heard, total)
                heard += segment.end - segment.start
                vector = diarizer.embed(speech, [(segment.start, segment.end)])
                if vector:
                    vectors[number] = vector
            report(total, total)
        long = list(vectors)
        if len(long) < into:
            raise InvalidJob(
                f"{len(long)} segments of {who} are long enough to be told by their voice",
                hint=f"That is too few for {into} voices; name the segments with --segments.",
            )
        lengths = [own[k].end - own[k].start for k in long]
        labels = dict(zip(long, divide(list(vectors.values()), lengths, into), strict=True))
        for k, segment in enumerate(own):
            if k not in vectors:
                middle = segment.start + segment.end
                near = min(long, key=lambda j: abs(own[j].start + own[j].end - middle))
                labels[k] = labels[near]
        spoken = [sum(own[k].end - own[k].start for k in labels if labels[k] == n) for n in range(into)]
        stays = spoken.index(max(spoken))
        return [{own[k].id for k in labels if labels[k] == n} for n in range(into) if n != stays]

    return choose
