"""The dubs of a run as a timeline shows them: the mix, music and effects, takes, and marks.

A mix holds the background too, so it is heard alone: the stems below it, M&E and the takes are there for
whoever mixes anew. Of several languages the first is heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dubline.run import check, shown
from dubline.values.dubbed import Dub, Take, dub_place
from dubline.values.layout import Layout
from dubline.values.programme import Mark, MarkKind, SoundTrack, TakeClip, TakeTrack
from dubline.values.transcript import Transcript
from dubline.values.translated import Translation


def dub_sounds(root: Path, dubs: Sequence[Dub], layout: str = "") -> Iterator[SoundTrack]:
    """A track "dub LANGUAGE" for each mix, then one M&E. `layout` is that of the programme's sound.

    Raises:
        InvalidJob: as `dub_place`.
    """
    mixed = [(dub, dub.mix) for dub in dubs if dub.mix is not None]
    for number, (dub, mix) in enumerate(mixed):
        first = dub_place(root, dub.language) == Layout(root).dub()
        place = Layout(root).final(".wav", "" if first else f".{dub.language}")
        yield SoundTrack(
            name=f"dub {dub.language or 'und'}",
            role="dub",
            path=published(root, place, mix.wav),
            rate=mix.rate,
            channels=mix.channels,
            frames=mix.frames,
            layout=layout,
            language=dub.language,
            enabled=number == 0,
        )
    # Over a sound that was not separated there is a mix, and nothing without voices.
    for mix in [mix for _, mix in mixed[:1] if mix.m_and_e]:
        yield SoundTrack(
            name="M&E",
            role="m_and_e",
            path=published(root, Layout(root).m_and_e, mix.m_and_e),
            rate=mix.rate,
            channels=mix.channels,
            frames=mix.frames,
            layout=layout,
            enabled=False,
        )


def dub_takes(root: Path, dubs: Sequence[Dub], names: dict[str, str]) -> Iterator[TakeTrack]:
    """A track "takes LANGUAGE NAME" for each speaker of each dub; `names` by speaker.

    What was not spoken has no clip. Where no mix is heard, the first dub's takes are.

    Raises:
        Damaged: the takes are not as they were written.
    """
    check(root, *(take.path for dub in dubs for take in dub.takes.takes))
    for number, dub in enumerate(dubs):
        spoken = [take for take in dub.takes.takes if _has_sound(take)]
        for speaker in dict.fromkeys(take.speaker for take in spoken):
            name = names.get(speaker) or speaker
            mine = sorted((t for t in spoken if t.speaker == speaker), key=lambda t: (t.start, t.id))
            yield TakeTrack(
                name=f"takes {dub.language or 'und'} {name or 'unknown'}",
                language=dub.language,
                speaker=speaker,
                speaker_name=name,
                clips=tuple(
                    TakeClip(
                        id=take.id,
                        path=Layout(root).file(take.path).absolute().as_posix(),
                        rate=take.rate,
                        start=take.start,
                        frames=take.frames,
                        gain_db=round(take.gain_db + (dub.mix.voice_gain_db if dub.mix else 0.0), 3),
                        text=take.text,
                        state=take.state,
                    )
                    for take in mine
                ),
                enabled=number == 0 and all(each.mix is None for each in dubs),
            )


def dub_marks(dubs: Iterable[Dub], spans: dict[tuple[str, int], tuple[float, float]]) -> Iterator[Mark]:
    """A mark for each take that is still too long or failed; `spans`: (language, line) -> seconds.

    One that is too long is marked where it sounds, one that failed where its line is.
    """
    for dub in dubs:
        for take in dub.takes.takes:
            if take.state not in ("too_long", "failed") or take.rate < 1:
                continue
            start = max(take.start, 0) / take.rate
            end = start + (take.frames / take.rate or take.slot)
            kind: MarkKind = "take_too_long"
            if take.state == "failed":
                kind = "take_failed"
                start, end = spans.get((dub.language, take.id), (start, end))
            why = "; ".join(take.reasons) or f"{take.frames / take.rate:.2f} s for {take.slot:.2f} s"
            text = f"{dub.language}: {why}: {take.text}" if take.text else f"{dub.language}: {why}"
            yield Mark(id=take.id, start=start, end=end, kind=kind, text=text)


def spoken_lines(dubs: Iterable[Dub]) -> set[tuple[str, int, str]]:
    """(language, line, text) of what was spoken: of these the real length is known."""
    return {(dub.language, take.id, take.text) for dub in dubs for take in dub.takes.takes if take.frames}


def speaker_names(transcript: Transcript | None, translations: Iterable[Translation]) -> dict[str, str]:
    """Id -> name; the transcript's word counts most, since speakers are named there."""
    names = {s.id: s.name for translation in translations for s in translation.speakers if s.name}
    if transcript is not None:
        names.update({s.id: s.name for s in transcript.speakers if s.name})
    return names


def _has_sound(take: Take) -> bool:
    said = take.state in ("spoken", "too_long") and bool(take.path)
    return said and take.frames > 0 and take.rate > 0 and take.start >= 0


def published(root: Path, target: Path, path: str) -> str:
    """The published file, else the step's own; absolute.

    Raises:
        Damaged: it is not as it was written.
    """
    check(root, path)
    return shown(root, target, path).absolute().as_posix()
