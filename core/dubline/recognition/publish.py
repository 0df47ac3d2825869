"""The transcript where a person looks for it, with the names people gave to voices.

Names live in `speakers.json` in the run folder, by the diarizer's own label of a voice, so that they
survive another recognition of the same voices.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from dubline.errors import InvalidJob
from dubline.model import Value, to_json
from dubline.recognition.exports import to_rttm, to_srt
from dubline.run import full_disk_is_told, write_whole
from dubline.transcript import Transcript, transcript_json


class SpeakerNames(Value, frozen=True):
    """`speakers.json`: the diarizer's label of a voice -> a person's name."""

    format: str = "dubline.speakers.1"
    names: dict[str, str] = {}


def read_names(root: Path) -> SpeakerNames:
    """The names given in a run; none when there is no file.

    Raises:
        InvalidJob: the file is damaged.
    """
    path = root / "speakers.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=SpeakerNames)
    except FileNotFoundError:
        return SpeakerNames()
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidJob(f"{path}: {error}", hint="Correct the file, or delete it to begin again.") from None


def publish_transcript(transcript: Transcript, root: Path) -> Transcript:
    """Write transcript.json, transcript.rttm and subtitles/source.srt into a run folder, with names."""
    given = read_names(root).names
    named = msgspec.structs.replace(
        transcript,
        speakers=tuple(
            # A label is no name: who has not been named has none.
            msgspec.structs.replace(s, name=given.get(s.label, "" if s.name == s.label else s.name))
            for s in transcript.speakers
        ),
    )
    with full_disk_is_told(root):
        (root / "subtitles").mkdir(exist_ok=True)
        write_whole(root / "transcript.json", transcript_json(named))
        write_whole(root / "transcript.rttm", to_rttm(named, root.stem.replace(" ", "_")).encode())
        write_whole(root / "subtitles" / "source.srt", to_srt(named).encode())
    return named


def rename_speaker(root: Path, speaker: str, name: str) -> Transcript:
    """Give a voice of a run's transcript a name, for good.

    Raises:
        InvalidJob: no transcript in that folder, or no such speaker in it.
    """
    from dubline.transcript import read_transcript

    transcript = read_transcript(root / "transcript.json")
    found = next((s for s in transcript.speakers if speaker in (s.id, s.name)), None)
    if found is None:
        known = ", ".join(f"{s.id} ({s.name})" if s.name else s.id for s in transcript.speakers)
        raise InvalidJob(
            f"there is no speaker {speaker!r}", hint=f"This transcript has: {known or 'nobody'}."
        )
    if not name.strip():
        raise InvalidJob("a name cannot be empty", hint="Give the name of a person or a part.")
    names = {**read_names(root).names, found.label: name.strip()}
    with full_disk_is_told(root):
        write_whole(root / "speakers.json", to_json(SpeakerNames(names=names)))
    return publish_transcript(transcript, root)
