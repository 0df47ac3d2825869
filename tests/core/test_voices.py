# ruff: noqa: RUF001 - typographer's quotation marks
"""The step that speaks a translation, with real programs and a real service, and all the ways they fail."""

from __future__ import annotations

import io
import sys
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from msgspec import structs
from speaking_programs import FAULTS, tone_program

from dubline.backends.backend import Sought
from dubline.backends.choosing import options_of, settle
from dubline.backends.voices.command import KEY, Command
from dubline.backends.voices.espeak import PITCHES, Espeak, pitch_setting
from dubline.backends.voices.flite import in_ascii
from dubline.backends.voices.piper import Piper
from dubline.errors import BackendFailed, BackendMissing, Cancelled, InvalidJob, WeightsError
from dubline.media.sound import SoundWriter, open_sound, read_blocks
from dubline.run import Run
from dubline.values.base import Choice, ModelIdentity
from dubline.values.dubbed import CastVoice, Takes
from dubline.values.layout import Layout
from dubline.values.transcript import Speaker
from dubline.values.translated import Tone, TranslatedSegment, Translation
from dubline.voice.calibration import voice_durations
from dubline.voice.casting import Role, median_pitch
from dubline.voice.settling import DEAF
from dubline.voice.speaking import VoiceJob, speak

LINES = (
    ("Come with me, I know the way.", 1.0, 2.8, "A"),
    ("Where does it go?", 3.0, 4.1, "B"),
    ("To the river.", 4.5, 5.3, "A"),
)


def segment(number: int, text: str | None, start: float, end: float, speaker: str) -> TranslatedSegment:
    line = TranslatedSegment(
        id=number,
        start=start,
        end=end,
        speaker=speaker,
        text=None,
        source_text="...",
        state="pending",
    )
    return line if text is None else structs.replace(line, state="translated").with_text(text)


def translation(*lines: tuple[str | None, float, float, str], duration: float = 20.0) -> Translation:
    return Translation(
        source_language="tr",
        target_language="en",
        duration=duration,
        segments=tuple(segment(number, *line) for number, line in enumerate(lines or LINES, 1)),
        speakers=(Speaker(id="A", name="Ayşe"), Speaker(id="B", name="Mehmet")),
    )


def hum(folder: Path, **options: Any) -> VoiceJob:
    """A job whose voice is a program that hums 60 ms a letter."""
    command = [sys.executable, "-S", str(tone_program(folder)), "{text_file}", "{wav}", "{rate}"]
    return VoiceJob(voice=Choice(backend="command", options={"command": command, **options}), rate=16000)


def spoken(root: Path, what: Translation, job: VoiceJob, **run: Any) -> Takes:
    with Run(root, **run) as made:
        takes: Takes = made.step(speak, what, job)
        return takes


def made(root: Path) -> int:
    """How many takes the last step had to make."""
    return int(Run(root).manifest().steps[-1].facts["made"])


# --- what comes out ----------------------------------------------------------------------------


def test_every_segment_has_its_take_in_its_place(tmp_path: Path) -> None:
    what = translation(*LINES, (None, 6.0, 7.0, "B"), ("...", 8.0, 9.0, "A"))
    takes = spoken(tmp_path / "run", what, hum(tmp_path))
    assert [take.id for take in takes.takes] == [1, 2, 3, 4, 5]
    assert [take.state for take in takes.takes] == ["spoken"] * 3 + ["silent"] * 2
    assert takes.takes[3].reasons == ("there is no translation",) and not takes.takes[4].reasons
    for take, (_, start, end, speaker) in zip(takes.takes, LINES, strict=False):
        assert (take.start, take.speaker, take.rate) == (round(start * 16000), speaker, 16000)
        sound = open_sound(Layout(tmp_path / "run").file(take.path))
        assert (sound.frames, sound.rate, sound.channels) == (take.frames, 16000, 1)
        assert take.slot == pytest.approx(end - start)
        assert take.natural == pytest.approx(0.06 * len(take.text), abs=0.03)  # no silence of its ends
        if 0.9 <= take.natural / take.slot <= 1.2:
            assert take.frames / take.rate == pytest.approx(take.slot, rel=0.01)
    assert {voice.speaker for voice in takes.cast} == {"A", "B"}


def test_loudness_follows_the_source_within_twelve_decibels(tmp_path: Path) -> None:
    what = translation()
    tones = (Tone(level=-4.0), Tone(level=30.0), None)
    what = structs.replace(
        what,
        segments=tuple(structs.replace(s, tone=t) for s, t in zip(what.segments, tones, strict=True)),
    )
    takes = spoken(tmp_path / "run", what, hum(tmp_path))
    assert [take.gain_db for take in takes.takes] == [-4.0, 12.0, 0.0]


def test_too_long_is_spoken_whole_told_and_over_nobody(tmp_path: Path) -> None:
    long = "This is a very long line that nobody could say in so little time."
    what = translation((long, 1.0, 2.0, "A"), ("And now me.", 2.1, 3.0, "B"), ("Go.", 9.0, 9.3, "A"))
    first, second, third = spoken(tmp_path / "run", what, hum(tmp_path)).takes
    assert first.state == "too_long" and "runs over" in first.reasons[0]
    assert first.frames / first.rate == pytest.approx(first.natural / 1.2, rel=0.01)
    assert second.start == first.start + first.frames and "late" in second.reasons[0]
    assert third.start == 9 * 16000


def test_markup_and_line_breaks_are_not_spoken(tmp_path: Path) -> None:
    what = translation(("<i>Come with me,</i>\n{\\an8}I know the way.", 1.0, 2.8, "A"))
    (take,) = spoken(tmp_path / "run", what, hum(tmp_path)).takes
    assert take.text == "Come with me, I know the way."


# --- nothing is done twice ---------------------------------------------------------------------


def test_one_edited_line_is_spoken_alone(tmp_path: Path) -> None:
    job, what = hum(tmp_path), translation()
    before = spoken(tmp_path / "run", what, job)
    assert made(tmp_path / "run") == 3
    lines = list(what.segments)
    lines[1] = lines[1].with_text("Where will it go?")
    after = spoken(tmp_path / "run", structs.replace(what, segments=tuple(lines)), job)
    assert made(tmp_path / "run") == 1
    for number in (0, 2):
        old, new = before.takes[number], after.takes[number]
        assert structs.replace(new, path="") == structs.replace(old, path="")
        assert same_bytes(Layout(tmp_path / "run").file(old.path), Layout(tmp_path / "run").file(new.path))
    assert after.takes[1].text == "Where will it go?"


def test_what_changes_no_sound_speaks_nothing_anew(tmp_path: Path) -> None:
    spoken(tmp_path / "run", translation(), hum(tmp_path))
    what = structs.replace(translation(), notes=("seen by the editor",))
    spoken(tmp_path / "run", what, hum(tmp_path, timeout=50.0))
    assert made(tmp_path / "run") == 0
    spoken(tmp_path / "run", translation(), structs.replace(hum(tmp_path), rate=22050))
    assert made(tmp_path / "run") == 3


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    def stop(done: float, total: float) -> None:
        if done == 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        spoken(tmp_path / "run", translation(), hum(tmp_path), report=lambda name: stop)
    assert not [p for p in (tmp_path / "run/work/steps").iterdir() if not p.name.startswith(".")]
    takes = spoken(tmp_path / "run", translation(), hum(tmp_path))
    assert made(tmp_path / "run") == 1
    assert takes == structs.replace(
        spoken(tmp_path / "other", translation(), hum(tmp_path)), notes=takes.notes
    )


def test_a_damaged_take_is_made_again(tmp_path: Path) -> None:
    spoken(tmp_path / "run", translation(), hum(tmp_path))
    kept = sorted((tmp_path / "run/work/memory/takes").iterdir())
    waves, records = [p for p in kept if p.suffix == ".wav"], [p for p in kept if p.suffix == ".json"]
    waves[0].unlink()  # the step's own file is the same one
    waves[0].write_bytes(b"RIFF")
    records[1].write_bytes(b"{")
    what = structs.replace(translation(), notes=("once more",))
    takes = spoken(tmp_path / "run", what, hum(tmp_path))
    assert made(tmp_path / "run") == 2
    assert all(take.state == "spoken" for take in takes.takes)


def same_bytes(a: Path, b: Path) -> bool:
    return a.read_bytes() == b.read_bytes()


# --- failures ----------------------------------------------------------------------------------


def test_bad_takes_fail_alone_and_say_why(tmp_path: Path) -> None:
    lines = [(f"Say fault-{name} now.", 3.0 * n, 3.0 * n + 1.4, "A") for n, name in enumerate(FAULTS)]
    what = translation(*lines, ("Come with me.", 30.0, 30.8, "B"), duration=40.0)
    takes = spoken(tmp_path / "run", what, hum(tmp_path)).takes
    assert [take.state for take in takes] == ["failed"] * len(FAULTS) + ["spoken"]
    reasons = dict(zip(FAULTS, (take.reasons[0] for take in takes), strict=False))
    for name, says in {
        "status": "status 3: no such phoneme",
        "nothing": "no usable sound",
        "text": "no usable sound",
        "hundredfold": "s of sound for a text of about",
        "one": "ms of sound",
        "silence": "silence",
        "nan": "not numbers",
        "rate": "7 samples a second",
    }.items():
        assert says in reasons[name], name
        assert str(tmp_path) not in reasons[name]
    assert not [take.path for take in takes[:-1] if take.path]


def test_failed_lines_are_tried_again_when_asked(tmp_path: Path) -> None:
    what = translation(("Say fault-status now.", 1.0, 2.5, "A"), ("Come with me.", 5.0, 5.8, "B"))
    job = hum(tmp_path)
    assert spoken(tmp_path / "run", what, job).takes[0].state == "failed"
    tone_program(tmp_path).write_text(
        tone_program(tmp_path).read_text().replace('fault == "status"', "False")
    )
    assert spoken(tmp_path / "run", what, job).takes[0].state == "failed"
    takes = spoken(tmp_path / "run", what, structs.replace(job, attempt=1)).takes
    assert takes[0].state == "spoken" and made(tmp_path / "run") == 1


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    what = translation(("Say fault-hang now.", 1.0, 2.5, "A"), ("Come with me.", 5.0, 5.8, "B"))
    takes = spoken(tmp_path / "run", what, hum(tmp_path, timeout=1.0)).takes
    assert takes[0].state == "failed" and "still running after 1 s" in takes[0].reasons[0]
    assert takes[1].state == "spoken"


def test_if_no_line_can_be_spoken_the_step_fails(tmp_path: Path) -> None:
    what = translation(("Say fault-status.", 1.0, 2.0, "A"), ("Say fault-silence.", 5.0, 6.0, "A"))
    with pytest.raises(BackendFailed, match="none of 2 lines") as caught:
        spoken(tmp_path / "run", what, hum(tmp_path))
    assert caught.value.hint
    assert not list((tmp_path / "run/work/steps").glob("speak-*"))


# --- a service ---------------------------------------------------------------------------------


@contextmanager
def service(fault: str = "") -> Iterator[tuple[str, list[tuple[str, dict[str, Any], str]]]]:
    """An address that answers a posted text with a hum, and what it was asked: text, query, key."""
    asked: list[tuple[str, dict[str, Any], str]] = []
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            query = parse_qs(urlsplit(self.path).query)
            asked.append((text, query, self.headers.get("Authorization", "")))
            if fault == "hang":
                released.wait(30)
                return
            if fault == "redirect":
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()
                return
            data = b"" if fault == "empty" else hummed(text, float(query.get("speed", ["1"])[0]))
            self.send_response(500 if fault == "status" else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/say?voice={{voice}}&speed={{rate}}", asked
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def hummed(text: str, speed: float) -> bytes:
    time_axis = np.arange(round(0.06 * len(text) / speed * 16000)) / 16000
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((9000 * np.sin(2 * np.pi * 140 * time_axis)).astype("<i2").tobytes())
    return out.getvalue()


def by_service(address: str, **options: Any) -> VoiceJob:
    return VoiceJob(
        voice=Choice(backend="command", options={"address": address, "timeout": 10.0, **options}), rate=16000
    )


def test_a_service_speaks_and_its_key_stays_out_of_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "very-secret-key")
    what = translation(("Nereye gidiyor? çığ & 1=2", 1.0, 2.4, "A"), *LINES[1:])
    with service() as (address, asked):
        takes = spoken(
            tmp_path / "run", what, structs.replace(by_service(address), cast={"A": Role(voice="Jo & Co")})
        )
    assert [take.state for take in takes.takes] == ["spoken"] * 3
    text, query, key = asked[0]
    assert (text, key) == ("Nereye gidiyor? çığ & 1=2", "Bearer very-secret-key")
    assert query == {"voice": ["Jo & Co"], "speed": ["1.0000"]}
    for path in (tmp_path / "run").rglob("*"):
        assert not path.is_file() or b"very-secret" not in path.read_bytes()
    assert any("sent to 127.0.0.1" in note for note in takes.notes)


@pytest.mark.parametrize(
    ("fault", "says"),
    [("status", "status 500"), ("empty", "0 bytes"), ("hang", "not answered in"), ("redirect", "status 302")],
)
def test_a_service_that_fails_says_how(tmp_path: Path, fault: str, says: str) -> None:
    with service(fault) as (address, _), pytest.raises(BackendFailed, match=says):
        spoken(tmp_path / "run", translation(LINES[0]), by_service(address, timeout=0.5))


@pytest.mark.program("espeak-ng")
def test_a_dead_service_is_given_up_and_the_rest_is_made(tmp_path: Path) -> None:
    """Two lines were made before; then the service is gone, and somebody else has another voice."""
    lines = [(f"Line {'x' * (n + 5)}.", 2.0 * n, 2.0 * n + 1, "A") for n in range(DEAF + 4)]
    what = translation(*lines, ("Somebody else speaks.", 40.0, 41.5, "B"), duration=60.0)
    with service() as (address, _), Run(tmp_path / "run") as run:
        run.step(speak, structs.replace(what, segments=what.segments[:2]), by_service(address))
    gone = by_service(address)
    with pytest.raises(BackendFailed, match=f"none of {DEAF + 2} lines"):
        spoken(tmp_path / "run", structs.replace(what, segments=what.segments[2:-1]), gone)
    others, cast = (Choice(backend="espeak-ng"),), {"Mehmet": Role(voice="espeak-ng:en+m3")}
    takes = spoken(tmp_path / "run", what, structs.replace(gone, others=others, cast=cast))
    states = [take.state for take in takes.takes]
    assert states == ["spoken"] * 2 + ["failed"] * (DEAF + 2) + ["spoken"]
    reasons = [take.reasons[0] for take in takes.takes if take.state == "failed"]
    assert [reason.startswith("not tried") for reason in reasons] == [False] * DEAF + [True] * 2
    assert any("is given up" in note for note in takes.notes)
    assert any(f"{DEAF + 2} lines could not be spoken" in note for note in takes.notes)


def test_waiting_for_a_service_can_be_stopped(tmp_path: Path) -> None:
    def stop(done: float, total: float) -> None:
        if asked:
            raise Cancelled("stopped")

    with service("hang") as (address, asked), pytest.raises(Cancelled):
        spoken(tmp_path / "run", translation(), by_service(address, timeout=25.0), report=lambda name: stop)
    assert len(asked) == 1


# --- wrong jobs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "either a command or an address"),
        ({"command": ["cat"], "address": "http://x"}, "either a command or an address"),
        ({"command": ["cat", "{txt}"]}, "txt"),
        ({"address": "ftp://x/y"}, "http"),
        ({"address": "http://[x"}, "http"),
        ({"address": "http://me:secret@x/y"}, "password"),
        ({"command": ["cat"], "timeout": 0.0}, "time-out"),
        ({"command": ["cat"], "voices": ["-rf"]}, "-rf"),
    ],
)
def test_a_command_that_cannot_work_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidJob, match=says) as caught:
        Command(options_of(Command, options))
    assert caught.value.hint and "secret" not in str(caught.value)


def test_missing_programs_and_models_say_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("dubline.backends.voices.espeak.file_in", lambda package, path: None)
    for make in (
        lambda: Espeak(Espeak.Options(language="en")),
        lambda: Command(Command.Options(command=("no-such-program",))),
    ):
        with pytest.raises(BackendMissing) as caught:
            make()
        assert caught.value.hint
    with pytest.raises(WeightsError, match="no Piper voice"):
        Piper(Piper.Options(language="en"))
    (tmp_path / "a.onnx").write_bytes(b"x")
    with pytest.raises(WeightsError, match="does not describe"):
        Piper(Piper.Options(model=str(tmp_path / "a.onnx")))
    with pytest.raises(WeightsError, match="a voice for Turkish cannot be had") as none:
        settle("voice", "auto", Sought(language="tr"))
    assert "espeak-ng" in none.value.hint


def test_a_cast_voice_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    job = structs.replace(hum(tmp_path), cast={"Mehmet": Role(voice="-x")})
    with pytest.raises(InvalidJob, match=r"Mehmet: there is no voice 'command:-x'"):
        spoken(tmp_path / "run", translation(), job)
    for wrong in ({"rate": 0}, {"others": (Choice(backend="command"),)}):
        with pytest.raises(InvalidJob):
            spoken(tmp_path / "run", translation(), structs.replace(hum(tmp_path), **wrong))


# --- real voices -------------------------------------------------------------------------------

needs_espeak = pytest.mark.program("espeak-ng")


@needs_espeak
def test_real_lines_that_fit_end_with_their_slots(tmp_path: Path) -> None:
    """Slots a tenth shorter, equal, and a tenth longer than what the voice takes at its own pace."""
    texts = SAID
    roomy = translation(
        *((t, 10.0 * n, 10.0 * n + 5, "AB"[n % 2]) for n, t in enumerate(texts)), duration=99.0
    )
    job = VoiceJob(voice=Choice(backend="espeak-ng"), pitches={"A": 200.0, "B": 100.0})
    natural = [take.natural for take in spoken(tmp_path / "run", roomy, job).takes]
    tight = structs.replace(
        roomy,
        segments=tuple(
            structs.replace(s, end=round(s.start + seconds * (0.9, 1.0, 1.1)[n % 3], 3))
            for n, (s, seconds) in enumerate(zip(roomy.segments, natural, strict=True))
        ),
    )
    takes = spoken(tmp_path / "run", tight, job)
    for take in takes.takes:
        assert take.state == "spoken" and take.borrowed == 0
        assert take.frames / take.rate == pytest.approx(take.slot, rel=0.02)
        assert abs(take.stretch - 1) < 0.1
    assert [voice.basis for voice in takes.cast] == ["pitch", "pitch"]
    assert takes.models[0].name.startswith("espeak-ng 1.")


@needs_espeak
def test_the_voices_teach_how_long_they_take(tmp_path: Path) -> None:
    texts = [f"{who} {what}." for who in ("The old man", "She", "My brother and I") for what in WHAT]
    what = translation(*((t, 6.0 * n, 6.0 * n + 2, "A") for n, t in enumerate(texts)), duration=300.0)
    job = VoiceJob(voice=Choice(backend="espeak-ng", options={"words": 120}), rate=16000)
    takes = spoken(tmp_path / "run", what, job)
    models = voice_durations(takes)
    assert models.keys() == {voice.voice for voice in takes.cast}
    (model,) = models.values()
    # Of what it has spoken it knows the length; what it has not is estimated by what it learnt.
    learnt = structs.replace(model, spoken={})
    ratios = [learnt.seconds(take.text) / take.natural for take in takes.takes]
    assert np.median(ratios) == pytest.approx(1, abs=0.06)
    assert model.basis


SAID = (
    "I have been waiting here since noon.",
    "Why did you not call me?",
    "They will come back tonight.",
    "Nobody told us about the money.",
    "Open the door, please.",
    "What are we going to do now?",
)
WHAT = (
    "waited at the station",
    "never came back to the village",
    "bought a horse",
    "will tell you everything",
)


@needs_espeak
def test_espeak_is_as_high_as_its_table_says(tmp_path: Path) -> None:
    pytest.importorskip("parselmouth", reason="pitch needs Parselmouth")
    text = "I have told you about this before, but you never listened to me. What shall we do now?"
    voice = Espeak(Espeak.Options(language="en"))
    for variant, factor in (("m3", 1.0), ("f2", 1.0), ("f2", 0.85), ("m3", 1.2)):
        take = voice.speak(text, f"en+{variant}", speed=1.0, pitch=factor, tick=lambda: None)
        path = tmp_path / f"{variant}.wav"
        with SoundWriter(path, take.rate, 1, take.sound.shape[1]) as file:
            file.write(take.sound)
        whole = (0.0, take.sound.shape[1] / take.rate)
        assert median_pitch(path, [whole]) == pytest.approx(PITCHES[variant] * factor, rel=0.06)
        for gain in (-1.0, 0.0):  # inverted on one side; on the other side alone
            odd = tmp_path / f"{variant} {gain}.wav"
            with SoundWriter(odd, take.rate, 2, take.sound.shape[1]) as file:
                file.write(np.concatenate([take.sound, np.float32(gain) * take.sound]))
            assert median_pitch(odd, [whole]) == median_pitch(path, [whole])
    assert [pitch_setting(f) for f in (0.1, 1.0, 9.0)] == [0, 50, 99]


@needs_espeak
def test_without_its_program_espeak_speaks_by_the_library_of_a_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = Espeak.Options(language="pt")
    text = 'Quem é você? [[x]] E como "entrou" aqui?'
    with Espeak(options) as program:
        names = {voice.name for voice in program.voices()}
        spoken = program.speak(text, "pt+f2", speed=1.2, pitch=1.1, tick=lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Espeak.missing() == () and Espeak.version() == "espeak-ng 1.52.0"
    with Espeak(options) as library:
        assert {voice.name for voice in library.voices()} == names
        assert library.knows("zh+m3") and not library.knows("tlh") and not library.knows("pt+nobody")
        alike = library.speak(text, "pt+f2", speed=1.2, pitch=1.1, tick=lambda: None)
    lengths = [take.sound.shape[1] / take.rate for take in (spoken, alike)]
    assert lengths[1] == pytest.approx(lengths[0], rel=0.05), "the releases differ a little"
    monkeypatch.setattr("dubline.backends.voices.espeak.file_in", lambda package, path: None)
    assert Espeak.missing() == ("the program espeak-ng",)
    with pytest.raises(BackendMissing, match="not installed"):
        Espeak(options)


@needs_espeak
def test_espeak_finds_a_language_under_its_other_names() -> None:
    for code in ("en", "tr", "pt-BR", "zh", "no", "EN_us"):
        assert Espeak(Espeak.Options(language=code)).voices()
    for code in ("xx", "", "-v"):
        with pytest.raises(InvalidJob):
            Espeak(Espeak.Options(language=code))


@needs_espeak
def test_auto_says_what_it_took_and_what_it_costs() -> None:
    settled = settle("voice", "auto", Sought(language="tr"))
    assert settled.choice.backend in ("piper", "espeak-ng")
    assert "guide voice" in settled.reasons[0] and "flite" in settled.reasons[0]


def test_flite_is_given_letters_that_it_knows() -> None:
    assert in_ascii("“Ayşe’s café…” — naïve") == '"Ayse\'s cafe..." - naive'
    assert in_ascii("日本") == ""


def test_an_earlier_voice_and_a_second_back_end_are_kept_to(tmp_path: Path) -> None:
    job = structs.replace(
        hum(tmp_path, voices=["one", "two"]),
        earlier={"Ayşe": CastVoice(speaker="x", voice="command:two", pitch=1.2)},
    )
    takes = spoken(tmp_path / "run", translation(), job)
    (voice,) = (voice for voice in takes.cast if voice.speaker == "A")
    assert (voice.voice, voice.pitch, voice.basis) == ("command:two", 1.2, "earlier")
    assert takes.models == (ModelIdentity(name=Path(sys.executable).name, origin="the user's own"),)
    first = takes.takes[0]
    sound = np.concatenate(list(read_blocks(Layout(tmp_path / "run").file(first.path))), axis=1)[0]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 17))
    assert int(np.argmax(spectrum)) * first.rate / (1 << 17) == pytest.approx(140 * 1.2, rel=0.02)


@needs_espeak
@pytest.mark.parametrize("library", [False, True])
def test_every_other_code_of_espeak_speaks(library: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a variant behind it, the program knows a language by one code alone."""
    if library:
        monkeypatch.setattr(Espeak, "command", classmethod(lambda cls: cls.library()))
    known = Espeak(Espeak.Options(language="en"))._codes
    others = [code for code, own in known.items() if code not in (own, own.lower()) and "-gb" not in code]
    assert {"zh", "no"} <= set(others)
    for code in others:
        voice = Espeak(Espeak.Options(language=code))
        for name in (voice.voices()[0].name, f"{code}+f2"):
            spoken = voice.speak("a", name, speed=1.0, pitch=1.0, tick=lambda: None)
            assert spoken.sound.shape[1] > spoken.rate // 100, name
