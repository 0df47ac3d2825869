"""A film on a simulated Resolve, and a plan for it, for tests of the plug-in."""

from __future__ import annotations

import json
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

from resolve_simulator import Simulator, build, profile

from dubline_resolve.objects import Session, drive
from dubline_resolve.placing import place

RATES = {
    "23.976": Fraction(24000, 1001),
    "24": Fraction(24),
    "25": Fraction(25),
    "29.97": Fraction(30000, 1001),
    "29.97 DF": Fraction(30000, 1001),
    "50": Fraction(50),
    "59.94": Fraction(60000, 1001),
}
STEMS = ("vocals", "music", "sfx", "ambient", "dub")


def write_wav(path: Path, samples: int, channels: int = 2) -> str:
    """A silent 48 kHz WAV of so many samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return str(path)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(bytes(2 * channels * samples))
    return str(path)


def stamp(frame: int, rate: Fraction) -> str:
    """An SRT time on a frame."""
    ms = round(Fraction(frame) / rate * 1000)
    return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


class Film:
    """A project with the timeline "Cut" of `frames` frames: an original on A1 and a plan for a run."""

    def __init__(
        self,
        folder: Path,
        rate: str = "24",
        start: str = "01:00:00:00",
        frames: int = 240,
        name: str = "studio-21.0",
        user_subtitles: tuple[bool, ...] = (),
        **switches: Any,
    ) -> None:
        self.folder, self.frames, self.rate = folder, frames, RATES[rate]
        self.run = folder / "Episode.dubline"
        self.world = Simulator(profile(name, **switches), rate=rate)
        self.samples = -(-frames * 48000 * self.rate.denominator // self.rate.numerator)
        self.original = write_wav(folder / "original.wav", self.samples)
        tracks = []
        for number, on in enumerate(user_subtitles):
            path = folder / f"user{number}.srt"
            path.write_text("1\n00:00:01,000 --> 00:00:02,000\nMine.\n", "utf-8")
            tracks.append({"name": f"User {number}", "path": str(path), "enabled": on})
        scene = {
            "timelines": [
                {
                    "name": "Cut",
                    "start": start.replace(":", ";") if "DF" in rate else start,
                    "clips": [{"path": self.original, "record": 0, "track": 1}],
                    "subtitles": tracks,
                    "markers": [[7, "Green", "mine", "a note", 1, "other:1"]],
                }
            ]
        }
        build(self.world, scene)
        self.world.calls.clear()
        self.world.order.clear()
        self.cut = self.world.timeline("Cut")
        self.version = 0

    def stem(self, path: Path) -> str:
        """A sound as long as the timeline; all share one file's content."""
        if not path.exists():
            path.hardlink_to(write_wav(self.folder / f"silence {self.samples}.wav", self.samples))
        return str(path)

    def session(self) -> Session:
        return Session(self.world.resolve)

    def plan(
        self,
        speakers: tuple[str, ...] = ("Ayşe", "Bülent"),
        languages: tuple[str, ...] = ("tr", "en"),
        cues: int = 4,
        stems: tuple[str, ...] = STEMS,
        sound: str = "",
        markers: tuple[int, ...] = (7, 50),
        prefix: str = "Cue",
    ) -> dict[str, Any]:
        """A plan whose subtitle files are new each time, and whose sounds change with `sound`."""
        self.version += 1
        place_of = self.run / "resolve"
        place_of.mkdir(parents=True, exist_ok=True)
        session = self.session()
        audio = [
            {
                "key": f"stem:{stem}",
                "name": stem,
                "path": self.stem(place_of / f"Episode {stem}{sound}.wav"),
                "subtype": "stereo",
                "record": 0,
                "frames": self.frames,
                "colour": "Teal",
                "enabled": True,
            }
            for stem in stems
        ]
        subtitles = []
        for language in languages:
            for number, speaker in enumerate(speakers):
                step = max(2, self.frames // max(cues, 1))
                spans = [
                    (n * step, n * step + step - (n % 2), f"{prefix} {language} {n}") for n in range(cues)
                ]
                path = place_of / f"{language} {speaker} {self.version}.srt"
                blocks = [
                    f"{n}\n{stamp(a, self.rate)} --> {stamp(b, self.rate)}\n{text}\n"
                    for n, (a, b, text) in enumerate(spans, 1)
                ]
                path.write_text("\n".join(blocks), "utf-8-sig")
                subtitles.append(
                    {
                        "key": f"sub:{language}:SPEAKER_{number:02d}",
                        "name": f"{language} {speaker}",
                        "language": language,
                        "srt": str(path),
                        "cues": [[a, b, text, n] for n, (a, b, text) in enumerate(spans)],
                    }
                )
        return {
            "format": "dubline.plan.1",
            "run": str(self.run),
            "timeline": session.description(),
            "bin": "Dubline Episode",
            "audio": audio,
            "subtitles": subtitles,
            "markers": [
                dict(frame=f, frames=5, colour="Red", name="too long", note="n", key=f"dubline:{f}:x")
                for f in markers
            ],
            "mute": ["original"],
            "otio": "",
            "notes": [],
        }  # fmt: skip

    def place(self, plan: dict[str, Any], **options: Any) -> dict[str, Any]:
        done: dict[str, Any] = drive(place(self.session(), plan, **options))
        return done

    def state(self) -> dict[str, Any]:
        return self.world.snapshot()


def calls(film: Film) -> tuple[int, int]:
    """(writes, reads) of all calls since the counter was cleared."""
    titles = film.world.calls.items()
    reads = sum(n for title, n in titles if title.split(".")[1].startswith(("Get", "Is")))
    return sum(film.world.calls.values()) - reads, reads


def feature(film: Film, cues: int, languages: int = 2, speakers: int = 4) -> dict[str, Any]:
    """The plan of a film with so many cues in each language, spread over the speakers; five stems.

    The original is a fortieth as long as the cues would have it: only their number matters.
    """
    names = tuple(f"Speaker {n}" for n in range(speakers))
    share = [cues // speakers + (n < cues % speakers) for n in range(speakers)]
    plan = film.plan((), (), stems=STEMS, markers=())
    for language in ("en", "tr", "de", "fr")[:languages]:
        for number, name in enumerate(names):
            film.version += 1
            spans = [(2 * n, 2 * n + 2, f"Cue {language} {n}") for n in range(share[number])]
            path = film.run / "resolve" / f"{language} {name} {film.version}.srt"
            blocks = [
                f"{n}\n{stamp(a, film.rate)} --> {stamp(b, film.rate)}\n{text}\n"
                for n, (a, b, text) in enumerate(spans, 1)
            ]
            path.write_text("\n".join(blocks), "utf-8-sig")
            plan["subtitles"].append(
                {
                    "key": f"sub:{language}:SPEAKER_{number:02d}",
                    "name": f"{language} {name}",
                    "language": language,
                    "srt": str(path),
                    "cues": [[a, b, text, n] for n, (a, b, text) in enumerate(spans)],
                }
            )
    return plan


def take_track(film: Film, speaker: str, spans: list[tuple[int, int]], version: str = "") -> dict[str, Any]:
    """A plan's track of takes: a sound of so many frames for each (first frame, frames)."""
    clips = []
    for number, (record, frames) in enumerate(spans, 1):
        path = film.run / "resolve" / "takes" / f"en {speaker} {number:05d}{version}.wav"
        samples = -(-frames * 48000 * film.rate.denominator // film.rate.numerator)
        write_wav(path, samples, 1)
        clips.append({"path": str(path), "record": record, "frames": frames, "id": number})
    return {
        "key": f"takes:en:{speaker}", "name": f"takes en {speaker}", "path": "", "subtype": "mono",
        "record": 0, "frames": 0, "colour": "Pink", "enabled": False, "clips": clips,
    }  # fmt: skip


def write_otio(film: Film, plan: dict[str, Any]) -> Path:
    """A plain timeline of the plan's sounds and markers; the plan then names it."""
    rate = float(film.rate)

    def time(value: int) -> dict[str, Any]:
        return {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": float(value)}

    def span(start: int, frames: int) -> dict[str, Any]:
        return {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(start), "duration": time(frames)}

    def children(sound: dict[str, Any]) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        at = 0
        for clip in sound.get("clips") or [sound]:
            if clip["record"] > at:
                gap = span(0, clip["record"] - at)
                made.append({"OTIO_SCHEMA": "Gap.1", "source_range": gap})
            at = clip["record"] + clip["frames"]
            reference = {
                "OTIO_SCHEMA": "ExternalReference.1",
                "target_url": Path(clip["path"]).as_uri(),
                "available_range": span(0, clip["frames"]),
            }
            made.append(
                {
                    "OTIO_SCHEMA": "Clip.1",
                    "name": Path(clip["path"]).name,
                    "source_range": span(0, clip["frames"]),
                    "media_reference": reference,
                }
            )
        return made

    tracks = [
        {"OTIO_SCHEMA": "Track.1", "kind": "Audio", "name": sound["name"], "children": children(sound)}
        for sound in plan["audio"]
    ]
    markers = [
        {
            "OTIO_SCHEMA": "Marker.2",
            "name": marker["name"],
            "color": "RED",
            "marked_range": span(marker["frame"], marker["frames"]),
        }
        for marker in plan["markers"]
    ]
    tree = {
        "OTIO_SCHEMA": "Timeline.1",
        "name": "x",
        "global_start_time": time(film.cut.start),
        "tracks": {"OTIO_SCHEMA": "Stack.1", "children": tracks, "markers": markers},
    }
    path = film.run / "resolve" / "big.otio"
    path.write_text(json.dumps(tree), "utf-8")
    plan["otio"] = str(path)
    return path
