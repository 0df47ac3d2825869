"""Cuts of the speakers' own voices: which part is taken, what is refused, and how a voice gets it."""

from __future__ import annotations

import email
import itertools
import sys
import threading
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from shared_media import Shared
from speaking_programs import tone_program

from dubline.backends.choosing import options_of
from dubline.backends.contract import Reference
from dubline.backends.voices.command import Command
from dubline.backends.voices.espeak import Espeak
from dubline.errors import BackendFailed, InvalidJob, ValidationError
from dubline.media.sound import SoundWriter, open_sound, read_blocks
from dubline.run import Run
from dubline.values.base import Choice
from dubline.values.dubbed import CastVoice, Takes
from dubline.values.layout import Layout
from dubline.values.media import Sound
from dubline.values.transcript import Segment, Speaker, Transcript, Turn, Word
from dubline.values.translated import TranslatedSegment, Translation
from dubline.voice.references import ReferenceJob, References, references
from dubline.voice.settling import clones, require_consent
from dubline.voice.speaking import VoiceJob, speak
from dubline.weights.files import checksum

RATE = 16000


def line(number: int, start: float, end: float, speaker: str = "A", **more: Any) -> Segment:
    return Segment(id=number, start=start, end=end, speaker=speaker, text=f"Line {number}.", **more)


def transcript(*segments: Segment, duration: float = 60.0) -> Transcript:
    ordered = tuple(sorted(segments, key=lambda s: s.start))
    people = sorted({s.speaker for s in ordered if s.speaker})
    return Transcript(
        language="tr",
        duration=duration,
        segments=ordered,
        speakers=tuple(Speaker(id=who, name=f"Name of {who}") for who in people),
    )


def vocals(
    path: Path, spans: Sequence[tuple[float, float, float]], *, duration: float = 60.0, noise: float = 1e-4
) -> Sound:
    """Stereo: hums at an amplitude in these spans (start, end, amplitude), and faint noise everywhere."""
    time = np.arange(round(duration * RATE)) / RATE
    sound = np.random.default_rng(1).normal(0, noise, len(time))
    for start, end, loud in spans:
        inside = (time >= start) & (time < end)
        # Syllables, four a second.
        sound[inside] += loud * np.sin(880 * time[inside]) * (0.55 + 0.45 * np.sin(25 * time[inside]))
    block = np.stack([sound, sound]).astype(np.float32)
    with SoundWriter(path, RATE, 2, len(time)) as file:
        file.write(block)
    return open_sound(path)


def cut(root: Path, sound: Sound, what: Transcript, **job: Any) -> References:
    with Run(root) as run:
        found: References = run.step(references, sound, what, ReferenceJob(**job))
        return found


# --- what is taken -----------------------------------------------------------------------------


def test_a_cut_is_the_speakers_own_sound_and_its_words(tmp_path: Path) -> None:
    sound = vocals(tmp_path / "v.wav", [(5, 11, 0.2), (20, 29, 0.2)])
    found = cut(tmp_path / "run", sound, transcript(line(1, 5, 11), line(2, 20, 29)))
    got = found.cuts["A"]
    assert not found.missing and got.text == "Line 2."
    assert got.start == pytest.approx(20, abs=0.1) and got.seconds == pytest.approx(9, abs=0.2)
    path = Layout(tmp_path / "run").file(got.path)
    made = open_sound(path)
    assert (made.channels, made.rate) == (1, RATE) and made.duration == pytest.approx(got.seconds, abs=1e-3)
    with wave.open(str(path)) as file:
        assert file.getsampwidth() == 3
    assert got.sha256 == checksum(path)
    whole = np.concatenate(list(read_blocks(tmp_path / "v.wav")), axis=1).mean(axis=0)
    own = np.concatenate(list(read_blocks(path)), axis=1)[0]
    first, fade = round(got.start * RATE), round(0.006 * RATE)
    there = whole[first : first + len(own)]
    assert np.abs(own - there)[fade:-fade].max() < 2**-22, "nothing is done to the sound but a fade"
    assert abs(own[0]) < 0.05 * np.abs(own).max() and abs(own[-1]) < 0.05 * np.abs(own).max()


@pytest.mark.parametrize("gains", [(1.0, -1.0), (0.0, 1.0)], ids=["inverted", "one side"])
def test_a_voice_that_the_mean_of_the_channels_would_lose_is_cut(
    gains: tuple[float, float], tmp_path: Path
) -> None:
    vocals(tmp_path / "v.wav", [(5, 14, 0.2)])
    block = np.concatenate(list(read_blocks(tmp_path / "v.wav")), axis=1)
    with SoundWriter(tmp_path / "odd.wav", RATE, 2, block.shape[1]) as file:
        file.write((block * np.array(gains)[:, None]).astype(np.float32))
    made = [
        cut(tmp_path / name, open_sound(path), transcript(line(1, 5, 14)))
        for name, path in (("plain", tmp_path / "v.wav"), ("odd", tmp_path / "odd.wav"))
    ]
    plain, odd = (
        np.concatenate(list(read_blocks(Layout(tmp_path / name).file(found.cuts["A"].path))), axis=1)
        for name, found in zip(("plain", "odd"), made, strict=True)
    )
    assert np.abs(odd - plain).max() < 2**-22


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        ((5.0, 14.0, 0.2), "two are equal: the first"),
        ((5.0, 9.0, 0.2), "shorter"),
        ((5.0, 14.0, 0.01), "far from the usual level"),
        ((5.0, 14.0, 1.2), "clipped"),
    ],
)
def test_the_better_line_is_taken(tmp_path: Path, worse: tuple[float, float, float], reason: str) -> None:
    spans = [worse, (20.0, 29.0, 0.2), (40.0, 43.0, 0.2), (50.0, 53.0, 0.2)]
    sound = vocals(tmp_path / "v.wav", spans)
    lines = [line(n, start, end) for n, (start, end, _) in enumerate(spans, 1)]
    found = cut(tmp_path / "run", sound, transcript(*lines))
    assert found.cuts["A"].text == ("Line 1." if "equal" in reason else "Line 2."), reason


def test_lines_with_others_in_them_or_near_are_not_taken(tmp_path: Path) -> None:
    sound = vocals(tmp_path / "v.wav", [(5, 14, 0.2), (20, 29, 0.2), (35, 44, 0.2), (50, 54, 0.2)])
    what = transcript(
        line(1, 5, 14),
        line(2, 8, 9, "B"),
        line(3, 20, 29, overlap=True),
        line(4, 35, 44),
        line(5, 44.05, 46, "B"),
        line(6, 50, 54),
    )
    found = cut(tmp_path / "run", sound, what)
    assert found.cuts["A"].text == "Line 6."
    assert "alone at most" in found.missing["B"] or "never" in found.missing["B"]


def test_turns_say_where_in_a_line_another_speaks(tmp_path: Path) -> None:
    sound = vocals(tmp_path / "v.wav", [(5, 15, 0.2)])
    words = tuple(Word(start=5.0 + n, end=5.9 + n, text=f" w{n}") for n in range(10))
    what = transcript(line(1, 5, 15, overlap=True, words=words))
    what = structs.replace(what, speakers=(Speaker(id="A", label="x"), Speaker(id="B", label="y")))
    assert "never" in cut(tmp_path / "one", sound, what).missing["A"]
    turns = (Turn(start=5, end=15, speaker="x"), Turn(start=12.95, end=14, speaker="y"))
    got = cut(tmp_path / "two", sound, what, turns=turns).cuts["A"]
    assert got.text == "w0 w1 w2 w3 w4 w5 w6" and got.start + got.seconds <= 12.95


def test_a_word_of_another_between_two_lines_parts_them(tmp_path: Path) -> None:
    sound = vocals(tmp_path / "v.wav", [(5, 9, 0.2), (9.7, 14, 0.2)])
    what = transcript(line(1, 5, 9), line(2, 9.3, 9.4, "B"), line(3, 9.7, 14))
    got = cut(tmp_path / "run", sound, what).cuts["A"]
    assert got.text == "Line 3."


def test_short_lines_that_follow_each_other_are_one_cut(tmp_path: Path) -> None:
    sound = vocals(tmp_path / "v.wav", [(5, 7, 0.2), (7.3, 9, 0.2), (9.4, 11.5, 0.2), (20, 22, 0.2)])
    what = transcript(line(1, 5, 7), line(2, 7.3, 9), line(3, 9.4, 11.5), line(4, 20, 22))
    got = cut(tmp_path / "run", sound, what).cuts["A"]
    assert got.text == "Line 1. Line 2. Line 3." and got.seconds == pytest.approx(6.5, abs=0.2)


def test_a_line_that_is_too_long_ends_after_a_word(tmp_path: Path) -> None:
    words = tuple(Word(start=5.0 + n, end=5.9 + n, text=f" w{n}") for n in range(20))
    sound = vocals(tmp_path / "v.wav", [(5, 25, 0.2)])
    got = cut(tmp_path / "run", sound, transcript(line(1, 5, 25, words=words))).cuts["A"]
    assert got.text == " ".join(f"w{n}" for n in range(12))
    assert got.seconds == pytest.approx(11.9, abs=0.1)


def test_who_cannot_be_cut_is_told_and_why(tmp_path: Path) -> None:
    sound = vocals(tmp_path / "v.wav", [(5, 7, 0.2), (20, 29, 0.2), (40, 49, 0.001)], noise=1e-3)
    what = transcript(line(1, 5, 7, "short"), line(2, 10, 19, "unheard"), line(3, 40, 49, "in noise"))
    what = structs.replace(what, segments=(*what.segments, line(9, 55, 56, "")))
    found = cut(tmp_path / "run", sound, what)
    assert not found.cuts and found.missing.keys() == {"short", "unheard", "in noise"}
    assert "at most 2.0 s" in found.missing["short"]
    assert "clear of other sound" in found.missing["in noise"]
    (record,) = Run(tmp_path / "run").manifest().steps
    assert any("Name of short has no reference" in note for note in record.notes)


def test_a_silent_stem_gives_nobody(tmp_path: Path) -> None:
    sound = vocals(tmp_path / "v.wav", [], noise=0.0)
    found = cut(tmp_path / "run", sound, transcript(line(1, 5, 14)))
    assert "silent" in found.missing["A"] and not found.cuts


def test_only_those_that_are_asked_for(tmp_path: Path) -> None:
    sound = vocals(tmp_path / "v.wav", [(5, 14, 0.2), (20, 29, 0.2)])
    what = transcript(line(1, 5, 14, "A"), line(2, 20, 29, "B"))
    found = cut(tmp_path / "run", sound, what, speakers=("B", "C"))
    assert found.cuts.keys() == {"B"} and "nowhere" in found.missing["C"]


@pytest.mark.parametrize("job", [{"shortest": 0.1}, {"longest": 90.0}, {"shortest": 8.0, "longest": 5.0}])
def test_lengths_that_cannot_be_are_refused(tmp_path: Path, job: dict[str, float]) -> None:
    sound = vocals(tmp_path / "v.wav", [(5, 14, 0.2)], duration=15)
    with pytest.raises(InvalidJob) as refused:
        cut(tmp_path / "run", sound, transcript(line(1, 5, 14)), **job)
    assert refused.value.hint


def test_a_stem_that_is_gone_is_told(tmp_path: Path) -> None:
    sound = vocals(tmp_path / "v.wav", [(5, 14, 0.2)], duration=15)
    (tmp_path / "v.wav").unlink()
    with pytest.raises(ValidationError):
        cut(tmp_path / "run", sound, transcript(line(1, 5, 14)))


@settings(max_examples=25, deadline=None)
@given(
    marks=st.lists(st.integers(0, 280), min_size=2, max_size=30, unique=True).map(sorted),
    who=st.lists(st.sampled_from("ABC"), min_size=30, max_size=30),
)
def test_any_transcript_gives_cuts_of_one_speaker_alone(
    tmp_path_factory: pytest.TempPathFactory, marks: list[int], who: list[str]
) -> None:
    root = tmp_path_factory.mktemp("any")
    times = [(a / 10, b / 10) for a, b in itertools.pairwise(marks)]
    what = transcript(*(line(n, a, b, who[n % len(who)]) for n, (a, b) in enumerate(times, 1)), duration=28.0)
    sound = vocals(root / "v.wav", [(a, b - 0.05, 0.2) for a, b in times], duration=28.0)
    found = cut(root / "run", sound, what, shortest=1.0, longest=4.0)
    assert found.cuts.keys() | found.missing.keys() == {s.speaker for s in what.segments}
    for speaker, got in found.cuts.items():
        assert 1.0 <= got.seconds <= 4.0 + 2 * 0.08 + 0.001
        for other in what.segments:
            if other.speaker != speaker:
                assert other.end <= got.start + 1e-3 or other.start >= got.start + got.seconds - 1e-3
    assert cut(root / "again", sound, what, shortest=1.0, longest=4.0).cuts.keys() == found.cuts.keys()


def test_a_real_conversation(tmp_path: Path, shared: Shared) -> None:
    spoken = [row.split() for row in shared("diarization/sample.rttm").read_text().splitlines()]
    times = [(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in spoken]
    # Both answer before the other has ended: only a part of most lines is free.
    words = [
        tuple(Word(start=a + k / 4, end=a + (k + 1) / 4, text=f" w{k}") for k in range(int(4 * (b - a))))
        for a, b, _ in times
    ]
    lines = (line(n, *time, words=said) for n, (time, said) in enumerate(zip(times, words, strict=True), 1))
    what = transcript(*lines, duration=30.0)
    found = cut(tmp_path / "run", open_sound(shared("diarization/sample.wav")), what, shortest=2.0)
    assert len(found.cuts) == 2 and not found.missing
    for speaker, got in found.cuts.items():
        assert 2.0 <= got.seconds <= 12.2
        inside = [t for t in times if t[0] < got.start + got.seconds - 0.1 and t[1] > got.start + 0.1]
        assert {t[2] for t in inside} == {speaker}
        heard = np.concatenate(list(read_blocks(Layout(tmp_path / "run").file(got.path))), axis=1)
        assert 10 * np.log10(np.mean(heard**2)) > -45


# --- how a voice gets it -----------------------------------------------------------------------


def cloner(folder: Path, **options: Any) -> Choice:
    """A program that writes down what it is given, and hums."""
    program = folder / "clone.py"
    program.write_text(
        "import os, runpy, sys, wave\n"
        "reference, words, beside = sys.argv[4:]\n"
        "told = [words, open(beside, encoding='utf-8').read(), str(wave.open(reference).getnframes())]\n"
        f"open({str(folder / 'told.txt')!r}, 'a', encoding='utf-8').write(repr(told) + chr(10))\n"
        f"runpy.run_path({str(tone_program(folder))!r}, run_name='__main__')\n"
    )
    places = ["{text_file}", "{wav}", "{rate}", "{reference}", "{reference_text}", "{reference_text_file}"]
    return Choice(backend="command", options={"command": [sys.executable, str(program), *places], **options})


def translation() -> Translation:
    segments = tuple(
        TranslatedSegment(
            id=n, start=a, end=a + 2, speaker=who, text=None, source_text="...", state="translated"
        ).with_text(f"This is line {n}.")
        for n, (a, who) in enumerate([(5.0, "A"), (20.0, "B"), (30.0, "A")], 1)
    )
    return Translation(
        source_language="tr", target_language="en", duration=60.0, segments=segments,
        speakers=(Speaker(id="A"), Speaker(id="B")),
    )  # fmt: skip


def spoken(root: Path, job: VoiceJob) -> tuple[Takes, int]:
    with Run(root) as run:
        takes: Takes = run.step(speak, translation(), job)
    return takes, int(Run(root).manifest().steps[-1].facts["made"])


def test_each_speaker_is_cloned_from_the_own_cut_and_one_without_fails(tmp_path: Path) -> None:
    sound = vocals(tmp_path / "v.wav", [(5, 14, 0.2), (20, 21, 0.2)])
    root = tmp_path / "run"
    found = cut(root, sound, transcript(line(1, 5, 14, "A"), line(2, 20, 21, "B")))
    job = VoiceJob(voice=cloner(tmp_path), rate=RATE, references=found)
    takes, made = spoken(root, job)
    assert [take.state for take in takes.takes] == ["spoken", "failed", "spoken"] and made == 2
    assert takes.takes[1].reasons == (f"cannot be cloned: {found.missing['B']}",)
    told = (tmp_path / "told.txt").read_text(encoding="utf-8").splitlines()
    frames = round(found.cuts["A"].seconds * RATE)
    assert set(told) == {repr(["Line 1.", "Line 1.\n", str(frames)])}
    # The same cut: nothing is spoken again. Another one: all that is spoken with it.
    assert spoken(root, structs.replace(job, attempt=1))[1] == 0
    other = structs.replace(found.cuts["A"], sha256="0" * 64)
    anew = structs.replace(job, references=structs.replace(found, cuts={"A": other}))
    assert spoken(root, anew)[1] == 2


def test_who_is_cast_with_another_voice_needs_no_reference(tmp_path: Path) -> None:
    hum = [sys.executable, str(tone_program(tmp_path)), "{text_file}", "{wav}", "{rate}"]
    job = VoiceJob(
        voice=Choice(backend="command", options={"command": hum}),
        rate=RATE,
        earlier={"A": CastVoice(speaker="A", voice="command:default")},
    )
    takes, made = spoken(tmp_path / "run", job)
    assert {take.state for take in takes.takes} == {"spoken"} and made == 3


def made_reference(folder: Path, text: str) -> Reference:
    path = folder / "cut.wav"
    with SoundWriter(path, RATE, 1, RATE) as file:
        file.write(np.full((1, RATE), 0.1, np.float32))
    return Reference(path=str(path), text=text, sha256=checksum(path))


@pytest.mark.parametrize("text", ["--version; $(touch owned)", "@/etc/passwd", "a\x00b\nc", "{voice} %s"])
def test_a_references_words_are_never_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    options = options_of(Command, cloner(tmp_path).options)
    with Command(options) as voice:
        voice.speak(
            "Hello.", "x", speed=1.0, pitch=1.0, tick=lambda: None, reference=made_reference(tmp_path, text)
        )
    (told,) = (tmp_path / "told.txt").read_text(encoding="utf-8").splitlines()
    words, beside, _ = eval(told)  # what our own program wrote with repr()
    assert words.strip() == beside.strip() and not words.startswith(("-", "@"))
    assert not (tmp_path / "owned").exists()


def test_without_a_reference_nothing_is_cloned(tmp_path: Path) -> None:
    with Command(options_of(Command, cloner(tmp_path).options)) as voice:
        with pytest.raises(BackendFailed, match="no reference") as failed:
            voice.speak("Hello.", "x", speed=1.0, pitch=1.0, tick=lambda: None)
        assert failed.value.hint
        gone = Reference(path=str(tmp_path / "gone.wav"), text="", sha256="")
        with pytest.raises(BackendFailed):
            voice.speak("Hello.", "x", speed=1.0, pitch=1.0, tick=lambda: None, reference=gone)


class Service(BaseHTTPRequestHandler):
    """Keeps the form that it is posted and answers with a sound."""

    posted: Message
    answer: bytes

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        type(self).posted = email.message_from_bytes(head + body)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *told: Any) -> None:
        pass


@contextmanager
def service() -> Iterator[str]:
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.full(RATE, 8000, "<i2").tobytes())
    Service.answer = out.getvalue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/clone"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_service_is_posted_a_form_with_the_text_and_the_cut(tmp_path: Path) -> None:
    reference = made_reference(tmp_path, "Söylediği sözler.\r\n--x")
    with service() as address, Command(options_of(Command, {"address": address, "form": True})) as voice:
        assert any("cuts of the speakers' own voices" in note for note in voice.notes) and voice.paces
        take = voice.speak(
            "Merhaba dünya.", "x", speed=1.1, pitch=1.0, tick=lambda: None, reference=reference
        )
    assert take.sound.shape == (1, RATE)
    parts = {
        part.get_param("name", header="content-disposition"): part for part in Service.posted.get_payload()
    }
    texts = {
        name: part.get_payload(decode=True).decode() for name, part in parts.items() if name != "reference"
    }
    assert texts == {
        "text": "Merhaba dünya.",
        "voice": "x",
        "speed": "1.1000",
        "reference_text": "Söylediği sözler. --x",
    }
    assert parts["reference"].get_content_type() == "audio/wav"
    assert parts["reference"].get_payload(decode=True) == Path(reference.path).read_bytes()


def test_which_voices_clone_and_what_that_takes(tmp_path: Path) -> None:
    plain = {"command": [sys.executable, "{text_file}"]}
    assert clones(cloner(tmp_path)) and not clones(Choice(backend="command", options=plain))
    assert clones(Choice(backend="command", options={"address": "http://localhost/?ref={reference}"}))
    assert not clones(Choice(backend="espeak-ng")) and not hasattr(Espeak, "clones")
    with pytest.raises(InvalidJob) as refused:
        require_consent(True, False, None)
    assert "--i-have-the-voice-rights" in refused.value.hint
    for given_now, recorded in ((True, None), (False, True)):
        require_consent(True, given_now, recorded)
    require_consent(False, False, None)
    with pytest.raises(InvalidJob, match="form"):
        Command(options_of(Command, {**plain, "form": True}))
