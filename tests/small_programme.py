# ruff: noqa: RUF001 - Turkish has a dotless i
"""A programme of a few seconds, all of it real: a video that plays, stems that sum to its sound, cues, marks.

    programme = small_programme(folder)                      10 s at 24000/1001, from 01:00:00:00, stereo
    programme = small_programme(folder, rate="30000/1001", start="00:59:58;00", channels=6)

    programme = small_programme(folder, takes=True)           with a dub in English, M&E, and its takes

Each channel of each stem has a tone of its own (`tone` says which), so that a test can tell whose sound it
hears wherever it ends up. Names hold a space, an ampersand and letters outside ASCII.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile as sf

from dubline.media.probing import probe
from dubline.timebase import Timecode, frame_rate, frames_to_samples, rate_text, seconds_to_frames
from dubline.values.media import Media
from dubline.values.programme import (
    Mark,
    Programme,
    Role,
    SoundTrack,
    SubtitleCue,
    SubtitleTrack,
    TakeClip,
    TakeTrack,
)

NAME = "Bölüm 1 & <pilot>"
STEMS: tuple[Role, ...] = ("vocals", "music", "sfx", "ambient")
LEVEL = 0.05
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
RATES = ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60")
STARTS = ("00:00:00:00", "01:00:00:00", "00:59:58;00")
SPEAKERS = (("SPEAKER_00", "Ayşe"), ("SPEAKER_01", "Tom & <Co>"))
LINES: dict[str, tuple[tuple[str, str], ...]] = {
    "tr": (("Nerede kaldın?", "Özür dilerim,\nyol kapalıydı."), ("Geliyorum & <hemen>!", "Tamam.")),
    "en": (("Where have you been?", "I'm sorry,\nthe road was closed."), ("Coming & <now>!", "All right.")),
}
"""Language -> for each speaker, the two lines."""
SPANS = (((0.5, 1.752), (4.004, 5.2)), ((1.752, 3.1), (6.101, 6.9)))
"""For each speaker, start and end of the two lines; the second speaker answers in the frame in which the
first one stops. Times are for ten seconds and shrink with a shorter programme."""


GAINS = {1: -4.5, 2: 0.0, 3: 6.0, 4: 0.0}
"""The level of each take in dB."""


def tone(role: str, channel: int, rate: int = 48000) -> float:
    """The frequency, in hertz, of a stem's channel: whole hertz, none the same."""
    place = (*STEMS, "dub").index(role)
    return 200.0 + 170.0 * place + 20.0 * channel


@lru_cache(64)
def stem_sound(role: str, channels: int, frames: int, rate: int = 48000) -> np.ndarray:
    """float32 (channels, samples) with `tone` in each channel, at `LEVEL`; read-only."""
    times = np.arange(frames) / rate
    sound = np.stack(
        [LEVEL * np.sin(2 * np.pi * tone(role, channel) * times) for channel in range(channels)]
    ).astype(np.float32)
    sound.flags.writeable = False
    return sound


def burst(number: int, frames: int, rate: int = 48000) -> np.ndarray:
    """float32 (1, samples): a take as a tone of its own, at full level from its first sample to its last."""
    times = np.arange(frames) / rate
    return (0.1 * np.cos(2 * np.pi * (1500 + 130 * number) * times)).astype(np.float32)[None]


VIDEOS: dict[tuple[object, ...], bytes] = {}
"""Films that were written before, by what is in them."""


def small_video(path: Path, rate: Fraction, frames: int, timecode: str, sound: np.ndarray | None) -> Media:
    """A QuickTime file of grey frames, each a little brighter, with a timecode track; probed."""
    import av

    key = (rate, frames, timecode, None if sound is None else hashlib.sha256(sound.tobytes()).digest())
    if key in VIDEOS:
        path.write_bytes(VIDEOS[key])
        return probe(path)
    with av.open(str(path), "w", format="mov") as file:
        picture = file.add_stream("mpeg4", rate=rate)
        picture.width, picture.height, picture.pix_fmt = 64, 36, "yuv420p"
        picture.time_base = picture.codec_context.time_base = 1 / rate
        picture.metadata["timecode"] = timecode
        audio = None
        if sound is not None:
            audio = file.add_stream("pcm_s24le", rate=48000, layout=LAYOUTS[len(sound)])
        for number in range(frames):
            grey = np.full((36, 64, 3), 16 + number % 200, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, 1 / rate
            file.mux(picture.encode(frame))
        file.mux(picture.encode(None))
        if audio is not None and sound is not None:
            whole = np.ascontiguousarray((sound * 2**31).astype(np.int32).T).reshape(1, -1)
            samples = av.AudioFrame.from_ndarray(whole, format="s32", layout=LAYOUTS[len(sound)])
            samples.rate, samples.pts = 48000, 0
            file.mux(audio.encode(samples))
            file.mux(audio.encode(None))
    VIDEOS[key] = path.read_bytes()
    return probe(path)


def small_programme(
    folder: Path,
    rate: str = "24000/1001",
    start: str = "01:00:00:00",
    channels: int = 2,
    seconds: float = 10.0,
    *,
    name: str = NAME,
    video: bool = True,
    sounds: Sequence[Role] = ("original", *STEMS),
    languages: Sequence[str] = ("tr", "en"),
    marks: bool = True,
    levels: dict[str, float] | None = None,
    sample_rate: int = 48000,
    takes: bool = False,
) -> Programme:
    """A programme whose files lie in `folder` (made if need be), in a folder with a difficult name.

    The picture has `seconds` in whole frames; the stems have the samples of that time, rounded. `start` with
    ';' is drop frame where the rate has it, and ':' elsewhere. `levels` are in dB, by role. Wav files are
    24 bit; the original is the sum of the four stems. With `takes` there is a dub, which is heard alone.
    """
    fps = frame_rate(rate)
    if fps not in (Fraction(30000, 1001), Fraction(60000, 1001)):
        start = start.replace(";", ":")
    clock = Timecode.parse(start, fps)
    length = seconds_to_frames(seconds, fps)
    samples = frames_to_samples(length, fps, sample_rate)
    place = folder / "Bölüm 1 & pilot"
    (place / "stems").mkdir(parents=True, exist_ok=True)
    stems = {role: stem_sound(role, channels, samples, sample_rate) for role in (*STEMS, "dub")}
    mix = np.sum([stems[role] for role in STEMS], axis=0)
    stems["m_and_e"] = np.sum([stems[role] for role in STEMS[1:]], axis=0)
    if takes:
        sounds = (*sounds, "dub", "m_and_e")
    tracks = []
    for role in sounds:
        path = place / "stems" / f"{role}.wav"
        sf.write(path, (mix if role == "original" else stems[role]).T, sample_rate, subtype="PCM_24")
        track = SoundTrack(
            name=role,
            role=role,
            path=path.absolute().as_posix(),
            rate=sample_rate,
            channels=channels,
            frames=samples,
            layout=LAYOUTS[channels],
            language="en" if role == "dub" else "",
            enabled=role == "dub" if takes else role != "original",
            level_db=(levels or {}).get(role, 0.0),
        )
        tracks.append(track)
    picture = None
    if video:
        sound = mix if sample_rate == 48000 else None
        picture = small_video(place / "Bölüm 1 & pilot.mov", fps, length, start, sound)
    shrink = min(1.0, seconds / 10.0)
    return Programme(
        name=name,
        rate=rate_text(fps),
        frames=length,
        start=clock.frame,
        drop=clock.drop,
        picture=picture,
        sounds=tuple(tracks),
        takes=tuple(_takes(place, shrink, sample_rate)) if takes else (),
        subtitles=tuple(_tracks(languages, shrink)),
        marks=_marks(shrink) if marks else (),
        root=place.absolute().as_posix(),
    )


def _tracks(languages: Sequence[str], shrink: float) -> list[SubtitleTrack]:
    made = []
    for language in languages:
        for who, (speaker, called) in enumerate(SPEAKERS):
            cues = tuple(
                SubtitleCue(
                    id=1 + who + 2 * number,
                    start=round(SPANS[who][number][0] * shrink, 3),
                    end=round(SPANS[who][number][1] * shrink, 3),
                    text=LINES[language][who][number],
                    speaker=speaker,
                    source_text=LINES["tr"][who][number],
                )
                for number in range(2)
            )
            made.append(
                SubtitleTrack(
                    name=f"{language} {called}",
                    language=language,
                    speaker=speaker,
                    speaker_name=called,
                    cues=cues,
                )
            )
    return made


def _takes(place: Path, shrink: float, rate: int) -> list[TakeTrack]:
    """For each speaker, two takes that begin 0.7 of a millisecond and a sample behind their lines."""
    (place / "takes").mkdir(exist_ok=True)
    made = []
    for who, (speaker, called) in enumerate(SPEAKERS):
        clips = []
        for number in range(2):
            line = 1 + who + 2 * number
            start, end = (round((second * shrink + 0.0007) * rate) + 1 for second in SPANS[who][number])
            path = place / "takes" / f"{line:05d}.wav"
            sf.write(path, burst(line, end - start, rate).T, rate, subtype="PCM_24")
            clips.append(
                TakeClip(
                    id=line,
                    path=path.absolute().as_posix(),
                    rate=rate,
                    start=start,
                    frames=end - start,
                    gain_db=GAINS[line],
                    text=LINES["en"][who][number],
                )
            )
        made.append(
            TakeTrack(
                name=f"takes en {called}",
                language="en",
                speaker=speaker,
                speaker_name=called,
                clips=tuple(clips),
            )
        )
    return made


def _marks(shrink: float) -> tuple[Mark, ...]:
    told = (
        (1, 0.5, 1.752, "low_confidence", "41% sure: Nerede kaldın?"),
        (3, 4.004, 5.2, "too_long", "en: 1.43x: I'm sorry,\nthe road was closed."),
        (4, 6.101, 6.9, "failed", "en: empty & <nothing>"),
        (4, 6.101, 6.9, "pending", "en: Tamam."),
    )
    return tuple(
        Mark(id=number, start=round(start * shrink, 3), end=round(end * shrink, 3), kind=kind, text=text)  # type: ignore[arg-type]
        for number, start, end, kind, text in told
    )
