"""The window as a page, and without Resolve."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plugin_engine import until

from dubline_resolve.bridge import Engine
from dubline_resolve.choices import DEFAULTS
from dubline_resolve.file_desk import HOWTO, FileDesk
from dubline_resolve.view_model import WindowModel
from dubline_resolve.window_page import PageWindow


def answers() -> dict[str, Any]:
    return {**DEFAULTS, "stems": list(DEFAULTS["stems"]), "copy": False}


class Browser:
    """A page in a browser: keeps its cookie."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""

    def ask(
        self, method: str, path: str, body: Any = None, host: str = "", **headers: str
    ) -> tuple[int, str]:
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = {"Host": host or f"127.0.0.1:{self.port}", **headers}
        if self.cookie and "Cookie" not in given:
            given["Cookie"] = self.cookie
        wire.request(method, path, None if body is None else json.dumps(body), given)
        answer = wire.getresponse()
        cookie = answer.getheader("Set-Cookie")
        if cookie:
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
            self.cookie = cookie.split(";")[0]
        text = answer.read().decode("utf-8")
        wire.close()
        return answer.status, text

    def state(self, body: Any = None) -> tuple[int, dict[str, Any]]:
        status, text = self.ask("POST", "/state", body or {}, **{"X-Dubline": "1"})
        return status, json.loads(text or "{}")


@pytest.fixture
def page(tmp_path: Path) -> Iterator[tuple[PageWindow, str]]:
    addresses: list[str] = []
    opened = threading.Event()

    def browse(address: str) -> bool:
        addresses.append(address)
        opened.set()
        return True

    model = WindowModel(FileDesk(sys.executable), Engine(sys.executable), answers())
    window = PageWindow(model, lambda: False, browse)
    serving = threading.Thread(target=window.run)
    serving.start()
    assert opened.wait(30)
    yield window, addresses[0][addresses[0].index("/?") :]
    model.closed = True
    serving.join(30)
    assert not serving.is_alive()


def test_the_page_opens_once_and_only_with_its_word(page: tuple[PageWindow, str]) -> None:
    window, address = page
    stranger = Browser(window.port)
    assert stranger.ask("GET", "/")[0] == 403
    assert stranger.ask("GET", "/?word=guess")[0] == 403
    assert stranger.state()[0] == 403
    browser = Browser(window.port)
    status, text = browser.ask("GET", address)
    assert status == 200
    assert "Dubline" in text and window.session not in text
    assert browser.ask("GET", "/")[0] == 200, "a reload is the same page"
    assert Browser(window.port).ask("GET", address)[0] == 403, "the word opened a second page"
    assert stranger.ask("GET", "/../../etc/passwd")[0] == 404


def test_a_website_can_neither_read_nor_press(page: tuple[PageWindow, str]) -> None:
    window, address = page
    browser = Browser(window.port)
    browser.ask("GET", address)
    rebound = f"evil.example:{window.port}"
    assert browser.ask("GET", "/", host=rebound)[0] == 403
    assert browser.ask("POST", "/state", {}, host=rebound, **{"X-Dubline": "1"})[0] == 403
    foreign = {"Origin": "http://evil.example", "X-Dubline": "1"}
    assert browser.ask("POST", "/state", {"act": "close"}, **foreign)[0] == 403
    assert browser.ask("POST", "/state", {"act": "close"})[0] == 403, "a form of another site could send this"
    assert browser.ask("POST", "/state", {}, **{"X-Dubline": "1", "Cookie": "dubline=guess"})[0] == 403
    assert browser.state()[0] == 200
    assert not window.model.closed


@pytest.mark.parametrize(
    "bad",
    [
        [1],
        {"set": {"what": "no such"}},
        {"set": {"separator": "no such"}},
        {"set": {"targets": 7}},
        {"set": {"markers": "yes"}},
        {"set": {"__class__": "x"}},
        {"set": 3},
    ],
)
def test_what_no_page_sends_is_refused(page: tuple[PageWindow, str], bad: Any) -> None:
    window, address = page
    browser = Browser(window.port)
    browser.ask("GET", address)
    before = dict(window.model.answers)
    assert browser.state(bad)[0] == 400
    assert window.model.answers == before
    assert browser.state()[0] == 200


def test_the_page_works_on_a_file_and_closes(page: tuple[PageWindow, str], film: Path) -> None:
    window, address = page
    browser = Browser(window.port)
    browser.ask("GET", address)
    view = browser.state({"set": {"path": str(film), "markers": False}})[1]
    assert view["fields"]["path"] == str(film)
    assert view["fields"]["folder"] == str(film.with_suffix(".dubline"))
    assert view["fields"]["markers"] is False
    assert view["options"]["recognizer"] == [["", "As last time, else automatic"], ["auto", "Automatic"]]
    assert browser.state({"set": {"path": ""}, "act": "start"})[1]["message"] == "No file is chosen."
    assert browser.state({"act": "close"})[1]["closed"] is True


def test_without_resolve_the_results_are_files_to_import(film: Path, tmp_path: Path) -> None:
    model = WindowModel(
        FileDesk(sys.executable), Engine(sys.executable, str(tmp_path / "engine.log")), answers()
    )

    def press(action: str) -> None:
        model.act(action)
        until(lambda: model.tick() or not model.running)

    for name, value in (("path", str(film)), ("targets", ""), ("subtitles", "none")):
        model.set(name, value)
    assert {"place"} & {name for name, _, on in model.buttons() if on}
    press("place")
    assert (model.phase, model.remedy) == ("failed", "Press Start first.")
    press("start")
    assert model.message == "Ready: 4 stems.", (model.message, model.remedy)
    press("place")
    made = film.with_suffix(".dubline") / "exports" / "resolve"
    assert model.message.startswith(f"Ready in {made}."), (model.message, model.remedy)
    assert (made / HOWTO).is_file()
    assert list(made.glob("*.otio"))
    model.close()


def test_the_pages_script_is_javascript(page: tuple[PageWindow, str], tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: nothing here reads JavaScript")
    window, address = page
    _, text = Browser(window.port).ask("GET", address)
    script = text[text.index("<script") : text.index("</script>")].partition(">")[2]
    (tmp_path / "page.js").write_text(script, encoding="utf-8")
    process = subprocess.run([node, "--check", str(tmp_path / "page.js")], capture_output=True, check=False)
    assert process.returncode == 0, process.stderr.decode()
    assert json.loads(script.partition("const layout = ")[2].partition(", byId =")[0]) == window.layout()


@pytest.mark.parametrize("sent", [b"", b"P", b"POST /state HTTP/1.1\r\nContent-Length: 900\r\n\r\n{"])
def test_connections_that_are_silent_or_slow_hold_up_nobody(
    page: tuple[PageWindow, str], sent: bytes
) -> None:
    window, address = page
    others = [socket.create_connection(("127.0.0.1", window.port)) for _ in range(20)]
    try:
        for other in others:
            other.sendall(sent)
        browser = Browser(window.port)
        assert browser.ask("GET", address)[0] == 200
        assert browser.state()[0] == 200
    finally:
        for other in others:
            other.close()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"set":' * 9000,
        b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b"\xff",
        b"[]",
        b"nul",
    ],
)
def test_what_is_no_message_is_refused(
    page: tuple[PageWindow, str], body: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    window, address = page
    browser = Browser(window.port)
    browser.ask("GET", address)
    wire = http.client.HTTPConnection("127.0.0.1", window.port, timeout=30)
    headers = {"Host": f"127.0.0.1:{window.port}", "Cookie": browser.cookie, "X-Dubline": "1"}
    wire.request("POST", "/state", body, headers)
    status = wire.getresponse().status
    wire.close()
    assert status == 400 or body.startswith(b'{"a":')  # a reader that can go so deep may
    assert "Traceback" not in capfd.readouterr().err
    assert browser.state()[0] == 200
