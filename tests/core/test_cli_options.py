"""Options as a whole: each stands once; what is left out; run folders, job files, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import soundfile
import typer
from command import Answer, dubline, kept
from run_to_dub import RATE, SECONDS, edit, hum, read, run_to_dub, sound_of
from strangers import install

from dubline.backends.backend import KINDS
from dubline.backends.choosing import available
from dubline.cli import app
from dubline.cli.asking import Asked, takes
from dubline.cli.job_file import read_job
from dubline.errors import InvalidJob
from dubline.run import read_manifest, read_wish
from dubline.values.wishes import DubWish, SeparateWish, TranscribeWish, TranslateWish

STAGES = ("separate", "transcribe", "translate", "dub", "localize")
needs_diarizer = pytest.mark.skipif(
    not all(find_spec(name) for name in ("resemblyzer", "silero_vad")),
    reason="the built-in diarizer's weights are not installed",
)
WISHES = (SeparateWish, TranscribeWish, TranslateWish, DubWish)


def options(*commands: str) -> Iterator[tuple[str, Any]]:
    """(command, option) of the program."""
    known = typer.main.get_command(app)
    for name in commands:
        for option in known.commands[name].params:  # type: ignore[attr-defined]
            if option.param_type_name == "option" and "--help" not in option.opts:
                yield name, option


def asked(*words: str, stages: tuple[str, ...] = ("separate",)) -> Asked:
    """What the options of stages become."""
    heard: list[Asked] = []
    small = typer.Typer()
    small.command()(takes(*stages)(lambda asked: heard.append(asked)))
    typer.main.get_command(small)(list(words), standalone_mode=False)
    return heard[0]


# --- each stands once ----------------------------------------------------------------------------------


def test_an_option_says_the_same_everywhere() -> None:
    words: dict[str, set[str]] = {}
    for _, option in options(*STAGES):
        text = option.help.replace(" Also --model.", "")
        for name in (*option.opts, *option.secondary_opts):
            words.setdefault(name, set()).add(text)
    different = {name for name, texts in words.items() if len(texts) > 1}
    # --from is what is spoken, or what is read; --out where to work, or where a copy goes.
    assert different == {"--model", "--from", "--out", "-o"}


def test_every_field_of_a_wish_has_its_option() -> None:
    for stage, kind in zip(STAGES[:4], WISHES, strict=True):
        there = {option.name for _, option in options(stage)}
        there |= {"mix"} if "loudness" in there else set()
        kept = {"apart", "found_for"}  # what a run keeps, and nobody asks for
        assert set(kind.__struct_fields__) - kept <= there


def test_back_ends_are_asked_for_alike_and_named_nowhere() -> None:
    names = {name for kind in KINDS for name in available(kind)} - {"command", "manual", "builtin"}
    for command, option in options(*STAGES):
        assert not [name for name in names if name in option.help.split()], (command, option.name)
    flags = {command: {flag for _, o in options(command) for flag in o.opts} for command in STAGES}
    for kind in ("separator", "diarizer", "recognizer", "translator", "voice"):
        assert {f"--{kind}", f"--{kind}-model", f"--{kind}-option"} <= flags["localize"]
    assert all({"--forget", "--job", "--device", "--threads"} <= flags[command] for command in STAGES)
    assert all("--model" in flags[command] for command in STAGES[:4])


def test_what_is_not_said_is_left_open() -> None:
    assert asked() == Asked()
    for stage in STAGES[:4]:
        for _, option in options(stage):
            assert option.default is None or option.name in ("audition",), (stage, option.name)
    assert asked("--ambient").separate.ambient is True
    assert asked("--no-ambient").separate.ambient is False
    assert asked("--shifts", "0").separate.separator_options == {"shifts": 0}


def test_a_back_ends_own_options_and_short_names_for_some() -> None:
    said = asked("--overlap", "0.1", "--separator-option", "seed=3", "--separator-option", 'x=["a", 1]')
    assert said.separate.separator_options == {"overlap": 0.1, "seed": "3", "x": ["a", 1]}
    voice = asked(
        "--voice-command", "say -o '{wav}'", "--bg-volume", "0", "--loudness", "off", stages=("dub",)
    )
    assert (voice.dub.voice, voice.dub.mix) == ("command", {"bg_volume": 0.0, "target": "off"})
    assert voice.dub.voice_options == {"command": ["say", "-o", "{wav}"]}


def test_files_are_known_by_their_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    said = asked("--lines", "a.srt", "--separator-model", "./models", "--film-model", "owner/name").separate
    assert said.lines == (tmp_path / "a.srt").as_posix()
    assert said.separator_model == (tmp_path / "models").as_posix() and said.film_model == "owner/name"


# --- refused by name -----------------------------------------------------------------------------------


def test_an_unknown_option_of_a_separator_names_those_there_are(tmp_path: Path) -> None:
    source = sound_of(tmp_path / "a.wav", 1.0)
    wrong = dubline("separate", source, "--separator", "builtin", "--separator-option", "overlapp=1")
    assert wrong.status == 2 and "overlapp" in wrong.err and "Its options: rnnoise" in wrong.err
    assert not (tmp_path / "a.dubline").exists()
    shapeless = dubline("separate", source, "--separator-option", "overlap")
    assert shapeless.status == 2 and "NAME=VALUE" in shapeless.err


# --- what the run has ----------------------------------------------------------------------------------


def separated(film: Path, *words: str | Path) -> Answer:
    answer = dubline("separate", film, "--threads", "1", *words)
    assert answer.status == 0, answer.err
    return answer


def test_what_is_left_out_stays_and_forget_breaks_with_it(tmp_path: Path) -> None:
    film = sound_of(tmp_path / "a.wav", 2.0)
    root = tmp_path / "a.dubline"
    separated(film, "--separator", "builtin", "--no-ambient", "--depth", "float", "--content", "dialogue")
    assert "separate" in kept(separated(root)), "the run folder will do"
    wish = read_wish(root, "separate", SeparateWish)
    assert wish is not None and (wish.ambient, wish.depth) == (False, "float")
    separated(film, "--ambient")
    assert soundfile.info(root / "stems/music.wav").subtype == "FLOAT"
    separated(film, "--forget")
    wish = read_wish(root, "separate", SeparateWish)
    assert wish is not None and (wish.ambient, wish.depth) == (None, None)
    assert soundfile.info(root / "stems/music.wav").subtype == "PCM_24"


@needs_diarizer
def test_what_was_refused_is_not_kept(tmp_path: Path) -> None:
    film = sound_of(tmp_path / "a.wav", 1.0)
    text = tmp_path / "late.srt"
    text.write_text("1\n02:00:00,000 --> 02:00:01,000\nHere.\n", "utf-8")
    wrong = dubline("transcribe", film, "--on", "mix", "--diarizer", "builtin", "--text", text)
    assert wrong.status == 2 and "--text-offset" in wrong.err
    assert read_wish(tmp_path / "a.dubline", "transcribe", TranscribeWish) is None


def test_a_transcription_takes_the_stems_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    film, root = sound_of(tmp_path / "a.wav", 3.0), tmp_path / "a.dubline"
    words = ("--diarizer", "one", "--threads", "1", "--text", tmp_path / "a.srt")
    (tmp_path / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHere.\n", "utf-8")
    # A tone is no voice to RNNoise.
    deaf = ("--separator", "builtin", "--separator-option", "rnnoise=off")
    first = dubline("transcribe", film, *words, *deaf)
    assert first.status == 0, first.err
    assert "separator: builtin, as asked" in first.err

    def separations() -> int:
        return sum(record.name == "separate" for record in read_manifest(root).steps)

    separated(film, *deaf, "--depth", "float")
    again = dubline("transcribe", root, "--no-subtitles")
    assert again.status == 0, again.err
    assert "separator" not in again.err and separations() == 2
    other = dubline("transcribe", root, "--separator", "builtin", "--separator-option", "rnnoise=auto")
    assert "separator: builtin, as asked" in other.err and separations() == 3


# --- the run and its film ------------------------------------------------------------------------------


def test_a_dub_and_a_translation_are_found_by_the_film(tmp_path: Path) -> None:
    root = run_to_dub(tmp_path)
    film = tmp_path / "Bölüm 1.wav"
    answer = dubline("dub", film, *hum(tmp_path), "--threads", "1", "--loudness", "off")
    assert answer.status == 0, answer.err
    assert soundfile.info(root / "final.wav").frames == SECONDS * RATE
    edit(root, 1, "")
    again = dubline("translate", film, "--translator", "manual")  # into the languages that it is in
    assert again.status == 0 and str(root / "translated.json") in again.out, again.err
    exported = dubline("export", film, "--to", "srt")
    assert exported.status == 0 and (root / "exports/srt").is_dir(), exported.err
    named = dubline("speakers", "rename", film, "SPEAKER_00", "Ayşe")
    assert named.status == 0 and dubline("speakers", film).out.count("Ayşe") == 1, named.err
    alone = dubline("translate", sound_of(tmp_path / "other.wav", 1.0), "--to", "en")
    assert alone.status == 2 and "dubline transcribe" in alone.err
    nowhere = dubline("transcribe", tmp_path)
    assert nowhere.status == 2 and "is a folder" in nowhere.err


def test_a_place_that_is_none_is_found_before_the_work(tmp_path: Path) -> None:
    root = run_to_dub(tmp_path)
    before = (root / "work/run.json").read_bytes()
    for place, said in ((tmp_path / "none/en.json", "there is no folder"), (tmp_path, "is a folder")):
        late = dubline("translate", root, "--to", "de", "--translator", "manual", "--out", place)
        assert late.status == 2 and said in late.err, late.err
    assert (root / "work/run.json").read_bytes() == before


# --- a job file ----------------------------------------------------------------------------------------


def job(folder: Path, text: str) -> Path:
    path = folder / "job.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_job_that_is_not_there_or_no_text_is_said_as_such(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="there is no file"):
        read_job(tmp_path / "nope.toml")
    path = tmp_path / "job.toml"
    path.write_bytes('media = "Gece.mov"\n# \u00e7\n'.encode("latin-1"))
    with pytest.raises(InvalidJob, match=r"job\.toml is not UTF-8 \(line 2\)"):
        read_job(path)


WORDS = "1\n00:00:01,000 --> 00:00:02,000\nM\u00fcnchen\n"
TURNS = "SPEAKER a 1 0.0 1.0 <NA> <NA> M\u00fcller <NA> <NA>\n"


@pytest.mark.parametrize(
    ("command", "name", "text", "remedy"),
    [
        ("transcribe FILM --text", "a.srt", WORDS, "--text-encoding cp1254"),
        ("transcribe FILM --text", "a.txt", "M\u00fcnchen", "--text-encoding cp1254"),
        ("transcribe FILM --text-encoding ascii --text", "a.srt", WORDS, "--text-encoding cp1254"),
        ("transcribe FILM --text-encoding none --text", "a.srt", WORDS, "--text-encoding cp1254"),
        ("transcribe FILM --turns", "a.rttm", TURNS, "save it as UTF-8"),
        ("transcribe FILM --cast", "a.toml", '[cast]\n"M\u00fcller" = ["a.wav"]\n', "save it as UTF-8"),
        ("transcribe FILM --job", "a.toml", '[transcribe]\nlanguage = "t\u00fcrk"\n', "save it as UTF-8"),
        ("subtitles check --encoding ascii", "a.srt", WORDS, "--encoding cp1254"),
        ("subtitles check FILM --profile", "a.toml", "# M\u00fcller\n", "save it as UTF-8"),
    ],
)
def test_a_text_in_another_encoding_says_what_to_give(
    command: str, name: str, text: str, remedy: str, tmp_path: Path
) -> None:
    film, file = tmp_path / "film.wav", tmp_path / name
    soundfile.write(film, [0.0] * 8000, 8000)
    file.write_bytes(text.encode("latin-1"))
    answer = dubline(*(film if word == "FILM" else word for word in command.split()), file)
    assert answer.status == 2, answer
    assert remedy in answer.err and "codec" not in answer.err, answer.err


def test_options_stand_above_a_job_and_both_above_the_run(tmp_path: Path) -> None:
    path = job(
        tmp_path,
        'device = "cpu"\n[separate]\nseparator = "demucs"\nseparator_model = "m"\nlines = "a.srt"\n'
        'depth = "float"\n[separate.separator_options]\noverlap = 0.1\n[transcribe]\nlanguage = "tr"\n',
    )
    said = asked("--job", str(path))
    assert said.separate.separator_model == "m" and said.separate.lines == (tmp_path / "a.srt").as_posix()
    assert said.device == "cpu" and said.stages == {"separate", "transcribe"}
    other = asked("--job", str(path), "--separator", "uvr", "--depth", "24", "--forget", "--device", "auto")
    assert (other.separate.separator, other.separate.separator_model) == ("uvr", None)
    assert other.separate.separator_options is None and other.separate.depth == "24"
    assert other.separate.forget and other.device == "auto"
    to = asked("--job", str(job(tmp_path, '[translate]\nto = ["en", "de"]\n')), stages=("translate",))
    assert to.translate.to == ("en", "de")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[separate]\nseperator = 1\n", "separate: there is no 'seperator'"),
        ('[separate]\ncontent = "opera"\n', "separate.content: there is no 'opera'"),
        ("[seperate]\n", "there is no 'seperate'"),
        ('[translate]\nto = "en"\n', "translate.to: expected a list, got text"),
        ("[translate\n", "job.toml"),
        ("[dub.mix]\nbg_volume = 9\n[translate]\nto = ['en']\n", "bg_volume cannot be 9"),
        ("[dub.mix]\nloudnes = 1\n[translate]\nto = ['en']\n", "loudnes"),
    ],
)
def test_a_wrong_job_names_the_file_and_the_key(tmp_path: Path, text: str, said: str) -> None:
    film = sound_of(tmp_path / "a.wav", 1.0)
    answer = dubline("localize", film, "--job", job(tmp_path, text), "--no-transcript")
    assert answer.status == 2 and said in answer.err and "Traceback" not in answer.err, answer.err
    assert not (tmp_path / "a.dubline").exists()
    missing = dubline("separate", film, "--job", tmp_path / "none.toml")
    assert missing.status == 2 and "none.toml" in missing.err


def test_a_whole_job(tmp_path: Path) -> None:
    sound_of(tmp_path / "a.wav", 2.0)
    path = job(
        tmp_path, 'media = "a.wav"\ntranscribe = false\n[separate]\nseparator = "builtin"\ndepth = "float"\n'
    )
    answer = dubline("localize", "--job", path, "--threads", "1")
    assert answer.status == 0, answer.err
    assert soundfile.info(tmp_path / "a.dubline/stems/vocals.wav").subtype == "FLOAT"
    assert not (tmp_path / "a.dubline/transcript.json").exists()
    nothing = dubline("localize")
    assert nothing.status == 2 and "no film was named" in nothing.err


def test_a_dub_by_a_job(tmp_path: Path) -> None:
    root = run_to_dub(tmp_path)
    path = job(tmp_path, '[dub.mix]\ntarget = "off"\nbg_volume = 0.2\n')
    answer = dubline("dub", root, *hum(tmp_path), "--job", path, "--bg-volume", "0.3", "--threads", "1")
    assert answer.status == 0, answer.err
    assert read(root).settings.mix == {"bg_volume": 0.3, "target": "off"}
    assert dubline("dub", root, "--duck", "6", "--threads", "1").status == 0
    assert read(root).settings.mix == {"bg_volume": 0.3, "target": "off", "duck_db": 6.0}


@pytest.mark.parametrize(
    "words",
    [
        ("--recognizer", "pocketsphinx", "--language", "tr"),
        ("--recognizer-option", "nonsense=1"),
        ("--diarizer-option", "nonsense=1"),
        ("--speakers", "2", "--min-speakers", "3"),
        ("--on", "nowhere"),
        ("--language", "yy"),
        ("--speakers-from-tracks", "--microphones", "1-x"),
    ],
)
def test_what_can_be_refused_is_refused_before_the_first_step(tmp_path: Path, words: tuple[str, ...]) -> None:
    import numpy as np
    import soundfile
    from command import dubline

    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).normal(size=(16000, 2)) * 0.05, 16000)
    if "pocketsphinx" not in words:
        words = ("--recognizer", "pocketsphinx", *words)
    answer = dubline("transcribe", path, *words, "--out", tmp_path / "run")
    assert answer.status == 2
    assert "Traceback" not in answer.err
    assert not [*(tmp_path / "run").rglob("steps/*")]
