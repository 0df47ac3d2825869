"""The folder of models: cards, finding, bringing in, fetching. Networks are a server on 127.0.0.1."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hub_server import Hub, serving

from dubline.errors import BackendMissing, Cancelled, InvalidJob, WeightsError
from dubline.values.base import ModelIdentity
from dubline.weights import downloads
from dubline.weights import files as weights
from dubline.weights import intake_files as intake
from dubline.weights.files import (
    WeightsCard,
    checksum,
    installed,
    licence_notice,
    models_folder,
    read_card,
    resolve,
)
from dubline.weights.intake_files import fetch, import_model
from dubline.weights.known import KNOWN, KnownFile, KnownWeights

pytestmark = pytest.mark.usefixtures("any_bytes")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder that does not exist yet."""
    path = tmp_path / "models"
    monkeypatch.setenv("DUBLINE_MODELS", str(path))
    return path


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(path: Path, content: bytes = b"weights") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def signed(folder: Path, signature: str, content: bytes = b"weights") -> Path:
    return put(folder / f"{signature}-{sha(content)[:8]}.th", content)


def hidden(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.name.startswith(".") and not p.name.endswith(".lock")]


def test_folder_is_the_users_unless_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert models_folder() == tmp_path / "models"
    monkeypatch.delenv("DUBLINE_MODELS")
    assert models_folder().parts[-2:] == ("dubline", "models")


@pytest.mark.parametrize("size", [0, 1, weights.BLOCK, weights.BLOCK + 1])
def test_checksum(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    assert checksum(put(tmp_path / "f", content)) == sha(content)


def test_import_copies_checks_and_writes_a_card(tmp_path: Path, folder: Path) -> None:
    source = put(tmp_path / "mine.onnx", b"net")
    put(tmp_path / "mine.json", b"{}")
    card = import_model(source, licence="CC0")
    assert source.read_bytes() == b"net"
    assert (card.name, card.kind, card.licence, card.origin) == ("mine", "mdx", "CC0", "mine.onnx")
    assert [(f.name, f.sha256, f.size) for f in card.files] == [
        ("mine.onnx", sha(b"net"), 3),
        ("mine.json", sha(b"{}"), 2),
    ]
    assert read_card(folder / "mine" / "mine.card.json") == card
    found = resolve("mine", "mdx")
    assert found.files == (folder / "mine" / "mine.onnx",)
    assert found.identity() == ModelIdentity(
        name="mine", files=("mine.onnx",), sha256=(sha(b"net"),), licence="CC0", origin="mine.onnx"
    )
    assert hidden(folder) == []


def test_import_again_changes_nothing_and_another_model_needs_another_name(
    tmp_path: Path, folder: Path
) -> None:
    first = import_model(put(tmp_path / "a" / "m.onnx", b"one"), licence="CC0")
    before = (folder / "m" / "m.card.json").read_bytes()
    assert import_model(put(tmp_path / "b" / "m.onnx", b"one")) == first
    with pytest.raises(WeightsError, match="another model") as caught:
        import_model(put(tmp_path / "c" / "m.onnx", b"two"))
    assert "--name" in caught.value.hint
    assert (folder / "m" / "m.card.json").read_bytes() == before
    assert import_model(tmp_path / "c" / "m.onnx", name="m2").name == "m2"
    assert hidden(folder) == []


def test_checksum_in_a_name_is_verified(tmp_path: Path, folder: Path) -> None:
    assert import_model(signed(tmp_path, "abc")).kind == "demucs"
    wrong = put(tmp_path / "abc-00000000.th")
    with pytest.raises(WeightsError, match=r"abc-00000000\.th is damaged"):
        import_model(wrong, name="wrong")
    assert not (folder / "wrong").exists()
    assert hidden(folder) == []
    with pytest.raises(WeightsError, match="damaged"):
        resolve(str(wrong), "demucs").identity()


def test_a_file_changed_after_import_is_noticed(tmp_path: Path, folder: Path) -> None:
    import_model(put(tmp_path / "m.onnx"))
    put(folder / "m" / "m.onnx", b"other")
    with pytest.raises(WeightsError, match=r"m\.onnx is damaged or has been changed"):
        resolve("m", "mdx").identity()
    (folder / "m" / "m.onnx").unlink()
    with pytest.raises(WeightsError, match="missing"):
        resolve("m", "mdx")


def test_nothing_is_left_when_stopped(tmp_path: Path, folder: Path) -> None:
    def stop(done: float, total: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        import_model(put(tmp_path / "m.onnx", bytes(3 * weights.BLOCK)), report=stop)
    assert list(folder.iterdir()) == []


def test_bag_takes_its_models_along_in_order(tmp_path: Path, folder: Path) -> None:
    pytest.importorskip("yaml", reason="bags are YAML")
    second, first = signed(tmp_path / "in", "bbbb", b"2"), put(tmp_path / "in" / "aaaa.safetensors", b"1")
    put(tmp_path / "in" / "stranger.th", b"3")
    bag = put(tmp_path / "in" / "two.yaml", b"models: ['bbbb', 'aaaa', 'bbbb']\nsegment: 44\n")
    card = import_model(bag)
    assert [f.name for f in card.files] == ["two.yaml", second.name, first.name]
    assert [p.name for p in resolve("two", "demucs").files] == ["two.yaml", second.name, first.name]
    assert [p.name for p in resolve(str(bag), "demucs").files] == ["two.yaml", second.name, first.name]
    second.unlink()
    with pytest.raises(WeightsError, match="'bbbb'") as caught:
        resolve(str(bag), "demucs")
    assert "bbbb.th" in caught.value.hint


@pytest.mark.parametrize("text", ["models: []", "models: 3", "[]", "models: ['../x']", "models: [", "\x00"])
def test_bad_bags(tmp_path: Path, text: str) -> None:
    pytest.importorskip("yaml", reason="bags are YAML")
    with pytest.raises(WeightsError, match=r"bad\.yaml"):
        resolve(str(put(tmp_path / "bad.yaml", text.encode())), "demucs")


def test_models_without_a_bag_do_not_belong_together(tmp_path: Path) -> None:
    signed(tmp_path / "in", "aaaa", b"1")
    signed(tmp_path / "in", "bbbb", b"2")
    for attempt in (lambda: import_model(tmp_path / "in"), lambda: resolve(str(tmp_path / "in"), "demucs")):
        with pytest.raises(WeightsError, match="2 models") as caught:
            attempt()
        assert "bag" in caught.value.hint


def test_what_is_no_model(tmp_path: Path) -> None:
    put(tmp_path / "mixed" / "a.onnx")
    put(tmp_path / "mixed" / "b.th")
    (tmp_path / "empty").mkdir()
    for path in (put(tmp_path / "m.ckpt"), tmp_path / "mixed", tmp_path / "empty", tmp_path / "none.onnx"):
        with pytest.raises(WeightsError) as caught:
            import_model(path)
        assert caught.value.hint
    with pytest.raises(WeightsError, match="no demucs model"):
        resolve(str(put(tmp_path / "n.onnx")), "demucs")


@pytest.mark.parametrize("name", ["", "../out", "a/b", ".hidden", "a b", "-x", "c:d"])
def test_names_stay_in_the_folder(tmp_path: Path, folder: Path, name: str) -> None:
    with pytest.raises(InvalidJob):
        import_model(put(tmp_path / "m.onnx"), name=name)
    assert not folder.exists() or list(folder.iterdir()) == []


def test_odd_file_names_become_usable_names(tmp_path: Path) -> None:
    assert import_model(put(tmp_path / "Été (v2) ; rm -rf.onnx")).name == "Été-v2-rm-rf"


def test_files_that_a_card_may_not_name_are_refused(tmp_path: Path, folder: Path) -> None:
    for name in (".hidden.onnx", "a:b.onnx"):
        with pytest.raises(WeightsError, match="name") as caught:
            import_model(put(tmp_path / name))
        assert "Rename" in caught.value.hint
    assert list(folder.iterdir()) == []


def test_missing_model_names_both_ways_to_get_it(folder: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        resolve("htdemucs", "demucs")
    assert str(folder) in caught.value.message
    assert "dubline models import FILE" in caught.value.hint
    assert "dubline models fetch htdemucs" in caught.value.hint
    with pytest.raises(WeightsError) as caught:
        resolve("nobody", "demucs")
    assert "fetch" not in caught.value.hint


def test_files_laid_there_by_hand_are_found(folder: Path) -> None:
    put(folder / "loose.onnx")
    put(folder / "sub" / "inner.onnx")
    assert resolve("loose", "mdx").files == (folder / "loose.onnx",)
    assert resolve("sub", "mdx").files == (folder / "sub" / "inner.onnx",)
    assert [path.name for path, _ in installed()] == ["loose.onnx", "sub"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "vr"}, r"\$\.kind"),
        ({"files": []}, r"\$\.files"),
        ({"files": [{"name": "../x", "sha256": "0" * 64, "size": 1}]}, r"\$\.files\[0\]\.name"),
        ({"files": [{"name": "x", "sha256": "0" * 63, "size": 1}]}, r"\$\.files\[0\]\.sha256"),
        ({"licnce": "MIT"}, "licnce"),
    ],
)
def test_cards_are_strict(tmp_path: Path, folder: Path, change: dict[str, object], said: str) -> None:
    import_model(put(tmp_path / "m.onnx"))
    path = folder / "m" / "m.card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(WeightsError, match=r"m\.card\.json: .*" + said):
        resolve("m", "mdx")
    ((_, listed),) = installed()
    assert isinstance(listed, WeightsError)


def test_known_files_get_their_licence(tmp_path: Path) -> None:
    card = import_model(put(tmp_path / "955717e8.safetensors"))
    assert card.name == "htdemucs"
    assert "only for scientific purposes" in card.licence
    loose = resolve(str(put(tmp_path / "f7e0c4bc.safetensors")), "demucs")
    assert "only for scientific purposes" in loose.identity().licence
    assert import_model(put(tmp_path / "other.safetensors")).licence == ""


def test_known_table_is_in_order() -> None:
    for name, known in KNOWN.items():
        assert known.licence
        assert known.page.startswith("https://")
        assert bool(known.hub) != bool(known.files)
        for file in known.files:
            assert file.url.startswith("https://") and file.url.endswith("/" + file.name)
            assert len(file.sha256) >= 8
        assert name in intake.by_hand(known)
        msgspec.convert(msgspec.to_builtins(known), KnownWeights)


def test_hub_names_and_signatures_are_those_of_demucs() -> None:
    hf = pytest.importorskip("demucs.hf", reason="compared with the installed demucs")
    import yaml

    lists = Path(hf.__file__).parent / "remote"
    for name, known in KNOWN.items():
        if known.hub:
            assert known.hub == f"{hf.DEFAULT_NAMESPACE}/{hf.hf_repo_name(name)}"
            assert tuple(yaml.safe_load((lists / f"{name}.yaml").read_text())["models"]) == known.signatures


def test_licence_is_told_once_for_the_same_bytes(folder: Path) -> None:
    identity = ModelIdentity(
        name="m", files=("m.th",), sha256=("0" * 64,), licence="Ask first", origin="Here"
    )
    told = licence_notice(identity)
    assert told is not None and "Ask first" in told and "Here" in told
    assert licence_notice(identity) is None
    other = msgspec.structs.replace(identity, sha256=("1" * 64,), licence="")
    assert "Not stated" in (licence_notice(other) or "")
    assert licence_notice(ModelIdentity(name="builtin")) is None
    assert installed() == []


class Server(http.server.ThreadingHTTPServer):
    """Gives out `files` with ranges; breaks off after `limit` bytes where that is set."""

    daemon_threads = True
    files: dict[str, bytes]
    limit: int | None = None
    ranges: list[str | None]


class Answer(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        content = self.server.files.get(self.path)
        wanted = self.headers.get("Range")
        if self.command == "GET":
            self.server.ranges.append(wanted)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        if start >= len(content) > 0:
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", f'"{sha(content)}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[start:][: self.server.limit])

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Answer) as one:
        one.files, one.ranges = {}, []
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield one
        one.shutdown()
        thread.join(10)


def known(server: Server, monkeypatch: pytest.MonkeyPatch, *contents: bytes) -> KnownWeights:
    """A public model of that server."""
    files = []
    for index, content in enumerate(contents):
        name = f"sig-{sha(content)[:8]}.th" if len(contents) > 1 else "public.onnx"
        server.files[f"/{index}/{name}"] = content
        url = f"http://127.0.0.1:{server.server_port}/{index}/{name}"
        files.append(KnownFile(name=name, url=url, sha256=sha(content)[:16]))
    one = KnownWeights(
        name="public",
        kind="mdx" if len(contents) == 1 else "demucs",
        licence="Free",
        origin="Test",
        page="https://example.invalid",
        files=tuple(files),
        sources=("speech",),
    )
    monkeypatch.setitem(KNOWN, "public", one)
    return one


def test_fetch_goes_on_where_it_broke_off(
    server: Server, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    content = bytes(range(256)) * 9000  # 2.3 MB
    known(server, monkeypatch, content)
    server.limit = 1_000_000
    with pytest.raises(WeightsError, match=r"broke off|IncompleteRead") as caught:
        fetch("public")
    assert "http://127.0.0.1" in caught.value.hint
    assert "dubline models import public.onnx --name public" in caught.value.hint
    assert installed() == []
    server.limit = None
    ticks: list[tuple[float, float]] = []
    card = fetch("public", lambda done, total: ticks.append((done, total)))
    assert server.ranges == [None, "bytes=1000000-"]
    assert ticks[-1] == (len(content), len(content))
    assert (card.licence, card.origin, card.sources) == ("Free", "Test", ("speech",))
    assert resolve("public", "mdx").identity().sha256 == (sha(content),)
    assert fetch("public") == card
    assert len(server.ranges) == 2, "what is there is not fetched again"
    assert hidden(folder) == []


def test_fetched_bytes_must_be_those_promised(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = known(server, monkeypatch, b"right").files
    server.files[f"/0/{file.name}"] = b"wrong"
    with pytest.raises(WeightsError, match="damaged"):
        fetch("public")
    assert installed() == []
    server.files[f"/0/{file.name}"] = b"right"
    assert fetch("public").files[0].size == 5
    assert server.ranges == [None, None], "the damaged bytes are not gone on with"


def test_a_part_that_is_whole_already_is_used(
    server: Server, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    known(server, monkeypatch, b"content")
    put(folder / ".fetch-public" / "public.onnx.part", b"content")
    assert fetch("public").files[0].sha256 == sha(b"content")


def test_several_files_become_a_bag(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("yaml", reason="bags are YAML")
    known(server, monkeypatch, b"one", b"two")
    ticks: list[float] = []
    card = fetch("public", lambda done, total: ticks.append(done / total))
    assert ticks == sorted(ticks) and ticks[-1] == 1.0
    assert card.files[0].name == "public.yaml"
    found = resolve("public", "demucs")
    assert [p.read_bytes() for p in found.files[1:]] == [b"one", b"two"]
    assert weights.bag_signatures(found.files[0]) == tuple(p.stem for p in found.files[1:])


def test_server_that_refuses_or_is_not_there(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    known(server, monkeypatch, b"content")
    server.files.clear()
    with pytest.raises(WeightsError, match="404") as caught:
        fetch("public")
    assert hidden(models_folder()) == [], "no empty folder is left"
    assert "by hand" in caught.value.hint or "download http" in caught.value.hint
    gone = msgspec.structs.replace(
        KNOWN["public"], files=(KnownFile(name="public.onnx", url="http://127.0.0.1:9/public.onnx"),)
    )
    monkeypatch.setitem(KNOWN, "public", gone)
    with pytest.raises(WeightsError, match="could not be fetched"):
        fetch("public")


def test_fetch_that_is_stopped_can_go_on(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(5 * downloads.BLOCK)
    known(server, monkeypatch, content)

    def stop(done: float, total: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        fetch("public", stop)
    assert fetch("public").files[0].size == len(content)
    assert server.ranges[1] == f"bytes={downloads.BLOCK}-"


def test_unknown_name() -> None:
    with pytest.raises(WeightsError, match="no public model") as caught:
        fetch("htdemuks")
    assert "htdemucs" in caught.value.hint


@pytest.fixture
def bag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Hub, Path]]:
    """A hub that has htdemucs' repository, and the folder that is in it."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="hub models need huggingface_hub")
    pytest.importorskip("yaml", reason="bags are YAML")
    for name in ("HF_TOKEN", "HUGGINGFACE_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    put(tmp_path / "hub" / "htdemucs.yaml", b"models: ['955717e8']\n")
    put(tmp_path / "hub" / "README.md", b"not needed")
    with serving({"adefossez/HTDemucs": tmp_path / "hub"}) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        yield hub, tmp_path / "hub"


def test_hub_models_come_as_a_bag(bag: tuple[Hub, Path], folder: Path) -> None:
    _, source = bag
    with pytest.raises(WeightsError, match=r"has no file 955717e8\.safetensors") as caught:
        fetch("htdemucs")
    assert "https://huggingface.co/adefossez/HTDemucs" in caught.value.hint
    assert "dubline models import FOLDER --name htdemucs" in caught.value.hint
    put(source / "955717e8.safetensors", b"tensors")
    card = fetch("htdemucs")
    assert [(f.name, f.sha256) for f in card.files] == [
        ("htdemucs.yaml", sha(b"models: ['955717e8']\n")),
        ("955717e8.safetensors", sha(b"tensors")),
    ]
    assert "only for scientific purposes" in card.licence
    assert [p.name for p in resolve("htdemucs", "demucs").files] == [f.name for f in card.files]
    names = sorted(p.name for p in (folder / "htdemucs").iterdir())
    assert names == ["955717e8.safetensors", "htdemucs.card.json", "htdemucs.yaml"]
    assert hidden(folder) == []


def test_a_hub_model_goes_on_where_it_broke_off(bag: tuple[Hub, Path]) -> None:
    hub, source = bag
    content = bytes(range(256)) * 9000  # 2.3 MB
    put(source / "955717e8.safetensors", content)
    hub.cut = {"955717e8.safetensors": 1_000_000}
    with pytest.raises(WeightsError, match=r"broke off|IncompleteRead"):
        fetch("htdemucs")
    ticks: list[tuple[float, float]] = []
    card = fetch("htdemucs", lambda done, total: ticks.append((done, total)))
    assert hub.sent["955717e8.safetensors"] == len(content), "the beginning is not sent again"
    assert card.files[1].sha256 == sha(content)
    whole = len(content) + len(b"models: ['955717e8']\n")
    assert ticks[-1] == (whole, whole)


def test_a_hub_model_that_changed_meanwhile_is_fetched_as_it_is_now(bag: tuple[Hub, Path]) -> None:
    hub, source = bag
    put(source / "955717e8.safetensors", bytes(10_000))
    hub.cut = {"955717e8.safetensors": 5_000}
    with pytest.raises(WeightsError):
        fetch("htdemucs")
    put(source / "955717e8.safetensors", b"n" * 12_000)
    assert fetch("htdemucs").files[1].sha256 == sha(b"n" * 12_000)


def test_a_hub_that_is_away_leaves_nothing(bag: tuple[Hub, Path], folder: Path) -> None:
    hub, _ = bag
    hub.status = 503
    with pytest.raises(WeightsError, match="htdemucs could not be fetched: the hub answered 503") as caught:
        fetch("htdemucs")
    assert "dubline models import FOLDER --name htdemucs" in caught.value.hint
    assert hidden(folder) == []


def test_hub_client_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(BackendMissing) as caught:
        fetch("htdemucs")
    assert "pip install" in caught.value.hint


def test_card_survives_json() -> None:
    card = WeightsCard(
        name="m",
        kind="mdx",
        files=(weights.CardFile(name="m.onnx", sha256="a" * 64, size=1),),
        parameters={"n_fft": 256},
    )
    assert msgspec.json.decode(msgspec.json.encode(card), type=WeightsCard) == card
