# ruff: noqa: E501 - files, written on few lines
"""The readers of files that somebody else may have written or broken, and valid files for each.

A new reader is one more line in `READERS`: its name, the suffix of its files, what reads a path, what makes
its valid files, and the pieces that a damaged one may hold (`TEXT`, `JSON` or more). `file_damage` breaks
them; tests/faults/test_readers.py and benchmarks/fuzz.py read what comes of it.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from file_damage import JSON, Reader

from dubline.errors import DublineError


def _read_subtitles(path: Path) -> None:
    """Read, and written in every format: a text that gets in must be able to get out."""
    from dubline.recognition.given_cues import read_text
    from dubline.subtitles.ass import write_ass
    from dubline.subtitles.line_times import read_lines
    from dubline.subtitles.srt import write_srt
    from dubline.subtitles.table import write_csv
    from dubline.subtitles.ttml import write_ttml
    from dubline.subtitles.vtt import write_vtt
    from dubline.subtitles.writing import read_subtitles

    ours: DublineError | None = None
    for read in (read_text, read_lines):
        if read is not read_lines or path.suffix == ".srt":
            try:
                read(path)
            except DublineError as error:
                ours = error
    read = read_subtitles(path)
    for write in (write_srt, write_ass, write_csv, write_ttml, write_vtt):
        write(read.cues).encode()
    if ours:
        raise ours


def _read_table(name: str) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        from dubline.recognition.exports import read_rttm
        from dubline.subtitles.profiles import read_profile
        from dubline.values.cast import read_cast
        from dubline.values.glossary import read_glossary

        readers: dict[str, Callable[[Path], object]] = {
            "glossary": read_glossary,
            "cast": read_cast,
            "rttm": read_rttm,
            "profile": lambda path: read_profile(str(path)),
        }
        return readers[name](path)

    return read


def _read_transcript(path: Path) -> None:
    from dubline.values.transcript import read_transcript, transcript_json

    _written(read_transcript(path), transcript_json)


def _read_given(path: Path) -> None:
    """Another program's transcript, as `transcribe --text` and `translate` read it."""
    from dubline.recognition.given_cues import read_text
    from dubline.subtitles.line_times import read_lines
    from dubline.subtitles.transcript_files import as_transcript, read_given
    from dubline.values.transcript import transcript_json

    _written(as_transcript(read_given(path))[0], transcript_json)
    read_lines(path)
    read_text(path)


def _read_translation(path: Path) -> None:
    from dubline.values.translated import read_translation, translation_json

    _written(read_translation(path), translation_json)


def _read_dub(path: Path) -> None:
    from dubline.values.dubbed import dub_json, read_dub

    _written(read_dub(path), dub_json)


def _read_sent(path: Path) -> None:
    from dubline.subtitles.sent import read_sent
    from dubline.values.base import to_json

    _written(read_sent(path), to_json)


def _read_speakers(path: Path) -> None:
    from dubline.recognition.speaker_log import read_log
    from dubline.values.base import to_json
    from dubline.values.layout import Layout

    place = Layout(path.parent).speaker_log
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)
    _written(read_log(path.parent), to_json)


def _read_run(path: Path) -> None:
    """All that is asked of run.json, which never refuses."""
    from dubline.run import read_manifest, read_wish, standing
    from dubline.values.base import to_json
    from dubline.values.layout import Layout
    from dubline.values.stems import Stems
    from dubline.values.wishes import LocalizeJob, SeparateWish

    place = Layout(path.parent).manifest
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)
    _written(read_manifest(path.parent), to_json)
    for name in ("stems", "original", "rights"):
        standing(path.parent, name, Stems)
    for stage, kind in (("separate", SeparateWish), ("localize", LocalizeJob)):
        read_wish(path.parent, stage, kind)


def _written(value: Any, write: Callable[[Any], bytes]) -> None:
    write(value).decode()


def _srt() -> list[bytes]:
    awkward = "\ufeff\u200e1\r\n00:00:01,000 --> 00:00:02,000 X1:1 X2:2\r\n- Nerede kald\u0131n?\r\n- <i>Burada</i>.\r\n\r\n2\r\n"
    plain = "".join(
        f"{n}\n00:00:{n:02d},000 --> 00:00:{n:02d},900\n{text}\n\n"
        for n, text in enumerate(
            ("Where?", "{\\an8}Here,\nI said.", "1984", "\u266a la la \u266a", "\u597d\u3002"), 1
        )
    )
    return [
        plain.encode(),
        (awkward + "00:00:03,5 --> 00:00:04\r\nTamam.\r\n").encode(),
        plain.encode("utf-16"),
    ]


def _vtt() -> list[bytes]:
    whole = (
        "WEBVTT Kind: captions\nLanguage: en\n\nREGION\nid:a\nwidth:40%\n\nSTYLE\n::cue { color: red }\n\nNOTE a\n\n"
        "first\n00:01.000 --> 00:02.000 line:0 align:start\n<v Ay\u015fe>Where &lt;were&gt; <i>you</i>?</v>\n\n"
        "00:00:02.500 --> 00:00:04.000 position:0%\n \nwe<00:00:03.000><c> were</c><00:00:03.500><c> here</c>\n"
    )
    return [whole.encode(), b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello.\n\nmore\n\nand more\n"]


def _of_run(name: str) -> list[bytes]:
    from sent_run import make_run

    with tempfile.TemporaryDirectory() as folder:
        whole = (make_run(Path(folder)) / name).read_bytes()
    return [whole, b"[\n" + whole + b"]"] if name == "transcript.json" else [whole]


def _given() -> list[bytes]:
    words = '[{"word": "Merhaba", "start": 0.1, "end": 0.5, "score": 0.9, "speaker": "A"}]'
    return [
        b'[{"num_speakers": 2, "total_duration": 20.5, "language": "tr", "segments": [{"speaker": "SPEAKER_01", '
        b'"start": 1.5, "end": 2.5, "text": "Sen ne yapt\xc4\xb1n?", "confidence": 1.0, "own": {"a": [1]}}]}]',
        f'{{"segments": [{{"start": 0, "end": 1, "text": " Merhaba", "words": {words}}}], "language": "tr"}}'.encode(),
        b'{"transcription": [{"offsets": {"from": 100, "to": 900}, "text": " Hi", "speaker_turn_next": true}]}',
        b'{"utterances": [{"speaker": "A", "start": 100, "end": 900, "text": "Hi", "confidence": 0.9, "words": []}]}',
        b'{"segments": [{"id": 0, "seek": 0, "start": 0.0, "end": 2.0, "text": "Hi", "avg_logprob": NaN}]}',
    ]  # fmt: skip


def _dubs() -> list[bytes]:
    from dubline.values.base import ModelIdentity
    from dubline.values.dubbed import Dub, LoudnessReport, Mix, Takes, dub_json

    loud = LoudnessReport(integrated=-23.0, true_peak=-1.0)
    mix = Mix(
        wav="a.wav",
        m4a="",
        m_and_e="",
        rate=48000,
        channels=2,
        frames=9,
        target="ebu",
        before=loud,
        after=loud,
    )
    takes = Takes(language="en", takes=(), models=(ModelIdentity(name="x", files=("a",), sha256=("0",)),))
    return [dub_json(Dub(takes=takes, mix=mix)), dub_json(Dub(takes=takes))]


def _sent() -> list[bytes]:
    from dubline.subtitles.sent import Sent, SentCue
    from dubline.values.base import to_json

    cues = tuple(
        SentCue(number=n, start_ms=n, end_ms=n + 1, digest="0f", id=n, speaker="S") for n in range(3)
    )
    return [to_json(Sent(language="en", cues=cues, names=True))]


def _speakers() -> list[bytes]:
    from dubline.recognition.speaker_log import (
        Cast,
        HeardVoice,
        Link,
        Linked,
        Meant,
        Merge,
        Named,
        Rename,
        SpeakerLog,
        Split,
    )
    from dubline.values.base import to_json

    one, other = (
        Meant(id="SPEAKER_00", label="a", spans=((0.5, 1.0),)),
        Meant(label="b", spans=((2.0, 3.25),)),
    )
    edits = (
        Rename(voice=one, name="Ay\u015fe"), Merge(into=one, others=(other,)), Split(voice=one, parts=(other,)),
        Link(voices=(Linked(voice=one, id="SPEAKER_01"),)), Cast(voices=(Named(voice=one, name="x"),)),
    )  # fmt: skip
    heard = (HeardVoice(id="SPEAKER_00", label="a", spans=((0.5, 1.0),)),)
    return [
        to_json(SpeakerLog(edits=edits, heard=heard, notes=("n",))),
        b'{"format": "dubline.speakers.1", "names": {"a": "b"}}',
    ]


def _runs() -> list[bytes]:
    from dubline.run import FilmPlace, Manifest, StepRecord
    from dubline.values.base import to_json

    step = StepRecord(
        name="separate", key="1a2b", state="done", seconds=1.5, inputs=[{"path": "a"}], facts={"a": 1}
    )
    return [
        to_json(
            Manifest(
                steps=(step,),
                stands={"stems": "steps/separate-1a2b"},
                wishes={"separate": {"on": "mix"}, "localize": {"to": ["en"]}},
                film=FilmPlace(path="../a.mkv", was=("/a.mkv",)),
            )
        )
    ]


_CAST = (
    b'[cast]\n"Ay\xc5\x9fe" = ["a.wav", { file = "b.wav", start = 1.0, end = 2.5 }]\n\n'
    b'[cast."Mehmet"]\nclips = []\nspeaker = "SPEAKER_03"\ngender = "male"\nvoice = "espeak-ng:tr"\npitch = 0.9\n'
)
_RTTM = b";; a comment\nSPEAKER x 1 0.50 1.25 <NA> <NA> A <NA> <NA>\nSPEAKER x 1 2.00 1.00 <NA> <NA> B <NA>\n"

# --- timelines -----------------------------------------------------------------------------------

OTIO = (
    *JSON, '{"OTIO_SCHEMA": "SerializableObjectRef.1", "id": "a"}', '"OTIO_REF_ID": "a",', '"OTIO_SCHEMA": "Timeline.1",',
    *(f'"{kind}"' for kind in ("Timeline.1", "Stack.1", "Track.1", "Clip.1", "Clip.2", "Clip.9", "Gap.1", "Transition.1",
      "Marker.2", "LinearTimeWarp.1", "FreezeFrame.1", "TimeRange.1", "RationalTime.1", "V2d.1", "Strange.1", "Track.-1",
      "ExternalReference.1", "ImageSequenceReference.1", "MissingReference.1", "Video", "Audio", "Subtitle",
      "metadata", "dubline", "children", "source_range", "media_references", "file:///etc/passwd", "http://a/b", "../a.mov")),
)  # fmt: skip
"""What a reader of timelines stumbles over."""


def _read_timeline(path: Path) -> None:
    """Read, and written for every target that needs no media: what gets in must be told of, or come out."""
    from otio_dubline.exporters import export
    from otio_dubline.reading import parse_file, require_media

    timeline = parse_file(path)
    ours: DublineError | None = None
    with tempfile.TemporaryDirectory() as folder:
        for name in ("premiere", "fcpx", "kdenlive", "shotcut", "edl", "srt"):
            try:
                export(timeline, [name], Path(folder))
            except DublineError as error:
                ours = error
        with contextlib.suppress(DublineError):
            require_media(timeline, path.parent)
    if ours and "no subtitles" not in ours.message:  # what none has need not have any
        raise ours


def _timelines() -> list[bytes]:
    import opentimelineio as otio

    def span(start: float, length: float, rate: float = 25) -> Any:
        return otio.opentime.TimeRange(
            otio.opentime.RationalTime(start, rate), otio.opentime.RationalTime(length, rate)
        )

    made = otio.schema.Timeline(name="x", global_start_time=otio.opentime.RationalTime(90000, 25))
    film = otio.schema.ExternalReference(target_url="file:///m.mov", available_range=span(90000, 900))
    proxy = otio.schema.ExternalReference(target_url="file:///p.mov", available_range=span(0, 900))
    clip = otio.schema.Clip(name="a", media_reference=film, source_range=span(90010, 50))
    clip.set_media_references({"high": film, "proxy": proxy}, "high")
    clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    clip.markers.append(otio.schema.Marker(name="m", color="RED", marked_range=span(90020, 1)))
    frames = otio.schema.ImageSequenceReference(
        target_url_base="file:///s/", name_prefix="s.", name_suffix=".png", rate=25
    )
    half = otio.opentime.RationalTime(5, 25)
    picture = otio.schema.Track(name="V", kind="Video", source_range=span(10, 80))
    picture.extend(
        [
            clip,
            otio.schema.Transition(in_offset=half, out_offset=half),
            otio.schema.Clip(name="s", media_reference=frames, source_range=span(0, 50)),
        ]
    )
    sound = otio.schema.Track(
        name="A",
        kind="Audio",
        source_range=span(-10, 80),
        metadata={"dubline": {"role": "takes", "language": "es", "level_db": -3}},
    )
    wav = otio.schema.ExternalReference(
        target_url="file:///s.wav",
        available_range=span(0, 960000, 48000),
        metadata={"dubline": {"channels": 2, "sample_rate": 48000}},
    )
    take = {"id": 1, "sample_start": 19200, "sample_rate": 48000, "samples": 96000, "text": "Hi."}
    sound.extend(
        [
            otio.schema.Gap(source_range=span(0, 10)),
            otio.schema.Clip(
                name="w", media_reference=wav, source_range=span(0, 96000, 48000), metadata={"dubline": take}
            ),
        ]
    )
    words = otio.schema.Track(
        name="S", kind="Subtitle", metadata={"dubline": {"language": "en", "speaker": "S"}}
    )
    words.append(
        otio.schema.Clip(
            name="Hi.", source_range=span(0, 40), metadata={"dubline": {"start": 0.0, "end": 1.6}}
        )
    )
    made.tracks.extend([picture, sound, words])
    made.metadata["dubline"] = {"rate": "25", "drop_frame": False, "run": "/run", "notes": ["a"]}
    small = otio.schema.Timeline(name="y")
    small.tracks.append(
        otio.schema.Track(kind="Video", children=[otio.schema.Clip(name="b", source_range=span(0, 10))])
    )
    return [otio.adapters.write_to_string(one, "otio_json").encode() for one in (made, small)]


READERS = {
    reader.name: reader
    for reader in (
        Reader("srt", ".srt", _read_subtitles, _srt),
        Reader("vtt", ".vtt", _read_subtitles, _vtt),
        Reader("rttm", ".rttm", _read_table("rttm"), lambda: [_RTTM]),
        Reader("glossary", ".csv", _read_table("glossary"), lambda: [
            "source,target,note\nBo\u011faz,the Bosphorus,\"not \"\"throat\"\"\"\n# x\nKaptan,,\n".encode(),
            "Bo\u011faz;the Bosphorus\nKaptan;\n".encode(), "a\tb\nc\td\n".encode("utf-16"),
        ]),
        Reader("cast", ".toml", _read_table("cast"), lambda: [_CAST]),
        Reader("profile", ".toml", _read_table("profile"), lambda: [
            b'based_on = "netflix-en"\nline_length = 40\nlines = 2\nreading_speed = 17\n',
        ]),
        Reader("transcript", ".json", _read_transcript, lambda: _of_run("transcript.json"), JSON),
        Reader("given", ".json", _read_given, _given, JSON),
        Reader("translated", ".json", _read_translation, lambda: _of_run("translated.json"), JSON),
        Reader("dubbed", ".json", _read_dub, _dubs, JSON),
        Reader("sent", ".json", _read_sent, _sent, JSON),
        Reader("speakers", ".json", _read_speakers, _speakers, JSON),
        Reader("run", ".json", _read_run, _runs, JSON),
        Reader("timeline", ".otio", _read_timeline, _timelines, OTIO),
    )
}  # fmt: skip
"""Name -> reader."""
