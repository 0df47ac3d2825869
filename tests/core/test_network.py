"""What is asked of this machine stays on it, and a key goes where it is meant to and nowhere else."""

from __future__ import annotations

import json
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command import dubline
from run_to_dub import run_to_dub
from speaking_programs import tone_program

from dubline.backends.choosing import opened
from dubline.backends.contract import Spoken
from dubline.backends.translators.llm_server import Server
from dubline.errors import BackendFailed, InvalidJob
from dubline.values.base import Choice
from dubline.values.voice_keys import VOICE_KEY
from dubline.values.wishes import DubWish, TranslateWish
from dubline.weights.downloads import read_page
from dubline.weights.network import is_local, open_address, words_of

PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
Asked = list[tuple[str, dict[str, str]]]


@contextmanager
def server(
    answer: Callable[[BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes]],
) -> Iterator[tuple[int, Asked]]:
    """A port, and what was asked there: path and headers."""
    asked: Asked = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append((self.path, dict(self.headers)))
            status, headers, body = answer(self)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_CONNECT = do_HEAD = do_GET

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield listening.server_port, asked
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """What a proxy, set for everything, is asked."""
    with server(lambda request: (200, {}, b"from the proxy")) as (port, asked):
        for name in PROXIES:
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield asked


def spoken(address: str) -> Spoken:
    choice = Choice(backend="command", options={"address": address, "timeout": 5.0})
    with opened("voice", choice) as voice:
        answer: Spoken = voice.speak("Good morning.", "default", speed=1.0, pitch=0.0, tick=lambda: None)
        return answer


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "127.0.0.1"])
def test_no_proxy_hears_what_is_for_this_machine(
    host: str, proxy: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VOICE_KEY, "very-secret")
    with server(lambda request: (500, {}, b"")) as (port, asked):
        with pytest.raises(BackendFailed, match="status 500"):
            spoken(f"http://{host}:{port}/say")
        with pytest.raises(urllib.error.HTTPError):
            open_address(urllib.request.Request(f"http://{host}:{port}/"), 5.0)
        model = Server(f"http://{host}:{port}/v1", "m", timeout=5, temperature=0, seed=None)
        assert model.local
        with pytest.raises(BackendFailed):
            monkeypatch.setattr("dubline.backends.translators.llm_server.TRIES", 1)
            try:
                model.ask("", "", {}, lambda: None)
            except Exception as error:
                raise BackendFailed(str(error)) from None
        assert len(asked) == 3
        assert asked[0][1]["Authorization"] == "Bearer very-secret"
    assert not proxy


def test_what_is_for_elsewhere_goes_through_the_proxy(proxy: Asked) -> None:
    body, _, _ = read_page("http://models.invalid/page", "text/html")
    assert body == b"from the proxy"
    assert [path for path, _ in proxy] == ["http://models.invalid/page"]


def test_a_key_follows_a_redirect_to_the_same_place_only() -> None:
    with server(lambda request: (200, {}, b"there")) as (other, there):

        def lead(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
            to = {"/same": "/end", "/other": f"http://127.0.0.1:{other}/end"}.get(request.path)
            return (302, {"Location": to}, b"") if to else (200, {}, b"here")

        with server(lead) as (port, here):
            for path in ("same", "other"):
                read_page(f"http://127.0.0.1:{port}/{path}", "text/html", login="Bearer very-secret")
            assert [(path, headers.get("Authorization")) for path, headers in here] == [
                ("/same", "Bearer very-secret"),
                ("/end", "Bearer very-secret"),
                ("/other", "Bearer very-secret"),
            ]
        assert ["Authorization" in headers for _, headers in there] == [False]


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("voice.localhost", True),
        ("localhost.", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost.example.com", False),
        ("192.168.0.7", False),
        ("example.com", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_this_machine_by_its_names(host: str, local: bool) -> None:
    assert is_local(host) is local


@pytest.mark.parametrize(
    "options",
    [
        {"address": "http://localhost:5002/say?api_key=s3cr3t&voice={voice}"},
        {"address": "https://voices.example/say?voice={voice}&access_token=s3cr3t"},
        {"address": "https://voices.example/say?X-Signature=s3cr3t"},
        {"command": ["curl", "http://voices.example/say?key=s3cr3t", "-o", "{wav}"]},
        {"command": ["curl", "-H", "Authorization: Bearer s3cr3t", "-o", "{wav}"]},
        {"command": ["curl", "-H", "xi-api-key: s3cr3t", "-o", "{wav}"]},
        {"command": ["say", "--token=s3cr3t", "-o", "{wav}"]},
        {"command": ["say", "--api-key", "s3cr3t", "-o", "{wav}"]},
    ],
)
@pytest.mark.parametrize("kind", [DubWish, TranslateWish])
def test_a_key_that_somebody_typed_is_in_nothing_that_is_kept(kind: Any, options: dict[str, Any]) -> None:
    wish = kind(voice="command", voice_options=options)
    data = msgspec.json.encode(wish)
    assert b"s3cr3t" not in data
    assert b"{key}" in data
    assert b"s3cr3t" not in msgspec.json.encode(msgspec.structs.replace(wish, voice="command"))


def test_what_is_no_key_stays() -> None:
    options = {"address": "http://localhost:5002/say?voice={voice}&speed={rate}&key={key}&author=me"}
    wish = DubWish(voice_options=options)
    assert wish.voice_options == {**options}


def test_a_key_in_the_address_reaches_its_service_and_no_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VOICE_KEY, raising=False)
    with server(lambda request: (400, {}, b"")) as (port, asked):
        wish = DubWish(voice_options={"address": f"http://localhost:{port}/say?api_key=a%2Bb1&v={{voice}}"})
        assert wish.voice_options is not None
        with pytest.raises(BackendFailed, match="status 400"):
            spoken(wish.voice_options["address"])
        assert [(path, "Authorization" in headers) for path, headers in asked] == [
            ("/say?api_key=a%2Bb1&v=default", False)
        ]
    with pytest.raises(InvalidJob, match="wants a key") as caught:
        spoken("http://localhost:1/say?api_key={key}")
    assert VOICE_KEY in caught.value.hint


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"error": "no such voice: Ana"}, "no such voice: Ana"),
        ({"error": {"message": "no such voice", "type": "x"}}, "no such voice"),
        ({"detail": [{"loc": ["body"], "msg": "field required"}]}, "field required"),
        ({"detail": {"status": "quota", "message": "quota is used up"}}, "quota is used up"),
        ({"message": "text is too long", "code": 7}, "text is too long"),
        ("just words", "just words"),
    ],
)
def test_what_a_service_says_for_itself_is_shown(
    body: Any, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert words_of(body) == says
    monkeypatch.setenv(VOICE_KEY, "very-secret")
    monkeypatch.setenv("DUBLINE_LLM_KEY", "very-secret")
    told = json.dumps(body).replace(says, f"{says} (very-secret)").encode()
    with server(lambda request: (400, {"Content-Type": "application/json"}, told)) as (port, _):
        with pytest.raises(BackendFailed, match="status 400") as caught:
            spoken(f"http://localhost:{port}/say")
        assert says in caught.value.message
        assert "very-secret" not in caught.value.message


def test_a_page_of_a_server_is_no_sentence() -> None:
    page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
    with server(lambda request: (502, {"Content-Type": "text/html"}, page)) as (port, _):
        with pytest.raises(BackendFailed) as caught:
            spoken(f"http://localhost:{port}/say")
        assert caught.value.message.endswith("status 502 Bad Gateway")


@pytest.mark.parametrize("how", ["address", "command"])
def test_a_key_is_nowhere_in_a_whole_run(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(VOICE_KEY, raising=False)
    root = run_to_dub(tmp_path, [(1.0, 2.8, "SPEAKER_00", "Come with me.")])
    program = tone_program(tmp_path)
    command = f"{sys.executable} -S {program} {{text_file}} {{wav}} {{rate}} --api-key s3cr3t"
    with server(lambda request: (400, {}, b"no voice for s3cr3t")) as (port, asked):
        address = f"http://localhost:{port}/say?voice={{voice}}&api_key=s3cr3t"
        words = ("--voice-address", address) if how == "address" else ("--voice-command", command)
        answer = dubline("dub", root, *words, "--no-mux")
        if how == "address":
            assert asked
            assert all("api_key=s3cr3t" in path for path, _ in asked)
            assert answer.status != 0
        else:
            assert answer.status == 0, answer.err
    assert "s3cr3t" not in answer.out + answer.err
    for path in root.rglob("*"):
        assert "s3cr3t" not in path.name
        assert not path.is_file() or b"s3cr3t" not in path.read_bytes(), path
