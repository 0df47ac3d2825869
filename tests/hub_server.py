"""A server on this machine that speaks as much of the Hugging Face hub's API as fetching a model takes."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_" + "abc" * 11
LARGE = 4096  # bytes from which on a file counts as one of Git LFS


class Hub(ThreadingHTTPServer):
    """`repositories`: OWNER/NAME -> folder. `gated` ones need `TOKEN` by an account that accepted
    (`accepted`). `cut`: after how many bytes the connection breaks, once for each file named."""

    daemon_threads = True

    def __init__(self, repositories: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.repositories = repositories
        self.gated: set[str] = set()
        self.accepted = True
        self.cut: dict[str, int] = {}
        self.hold: dict[str, int] = {}  # after how many bytes of a file to wait until `release` is set
        self.held, self.release = threading.Event(), threading.Event()
        self.status = 0  # if not 0, the answer to everything
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.sent: dict[str, int] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(repositories: dict[str, Path]) -> Iterator[Hub]:
    hub = Hub(repositories)
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()


def revision_of(folder: Path) -> str:
    digest = hashlib.sha1()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(file.relative_to(folder).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


class _Answers(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None: ...

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.server.asked.append((self.command, path, dict(self.headers)))
        if self.server.status:
            return self._error(self.server.status, "")
        api = path.startswith("api/models/")
        parts = path.removeprefix("api/models/").split("/")
        name = "/".join(parts[:2])
        folder = self.server.repositories.get(name)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token != TOKEN:
            return self._error(401, "")
        if folder is None:
            return self._error(404 if token else 401, "RepoNotFound")
        if name in self.server.gated and not api:
            if not token:
                return self._error(401, "GatedRepo")
            if not self.server.accepted:
                return self._error(403, "GatedRepo")
        if api:
            return self._json(self._tree(folder) if "tree" in parts else self._info(name, folder))
        file = folder.joinpath(*parts[4:])
        if not file.is_file():
            return self._error(404, "EntryNotFound")
        return self._file(file, "/".join(parts[4:]), revision_of(folder), body)

    def _entries(self, folder: Path) -> Iterator[tuple[str, bytes]]:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                yield file.relative_to(folder).as_posix(), file.read_bytes()

    def _info(self, name: str, folder: Path) -> dict[str, Any]:
        siblings: list[dict[str, Any]] = []
        for file, data in self._entries(folder):
            siblings.append({"rfilename": file, "size": len(data), "blobId": _oid(data)})
            if len(data) >= LARGE:
                lfs = {"sha256": _sha256(data), "size": len(data), "pointerSize": 130}
                siblings[-1]["lfs"] = lfs
        gated = "manual" if name in self.server.gated else False
        return {"id": name, "modelId": name, "sha": revision_of(folder), "siblings": siblings, "gated": gated}

    def _tree(self, folder: Path) -> list[dict[str, Any]]:
        rows = []
        for name, data in self._entries(folder):
            row: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": _oid(data)}
            if len(data) >= LARGE:
                row["lfs"] = {"oid": _sha256(data), "size": len(data), "pointerSize": 130}
            rows.append(row)
        return rows

    def _file(self, file: Path, name: str, revision: str, body: bool) -> None:
        data = file.read_bytes()
        first, status = 0, 200
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes="):
            first, status = int(asked[6:].split("-")[0]), 206
        rest = data[first:]
        self.send_response(status)
        self.send_header("ETag", f'"{_sha256(data) if len(data) >= LARGE else _oid(data)}"')
        self.send_header("X-Repo-Commit", revision)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(rest)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if not body:
            return
        cut = self.server.cut.pop(name, None)
        self.server.sent[name] = self.server.sent.get(name, 0) + len(rest[:cut])
        hold = self.server.hold.pop(name, None)
        if hold is not None:
            self.server.sent[name] -= len(rest) - hold
            self.wfile.write(rest[:hold])
            self.wfile.flush()
            self.server.held.set()
            self.server.release.wait(120)
            self.close_connection = True
            return
        self.wfile.write(rest[:cut])
        if cut is not None:
            self.close_connection = True

    def _json(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _error(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
