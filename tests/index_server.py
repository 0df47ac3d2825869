"""A package index on this machine: the simple repository API and wheels made on the spot."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

MEMBERS = Mapping[str, bytes]


class IndexServer(http.server.ThreadingHTTPServer):
    """`wheels`: package -> (file's name, bytes). `elsewhere`: the address of another host
    that the files are said to be at. `limit`: after how many bytes of a wheel the connection
    breaks. `hold`: after how many it waits until `release` is set. `asked`: (path, headers)."""

    daemon_threads = True

    def __init__(self, form: str = "json") -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.form = form
        self.wheels: dict[str, tuple[str, bytes]] = {}
        self.elsewhere = ""
        self.limit: int | None = None
        self.hold: int | None = None
        self.held, self.release = threading.Event(), threading.Event()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.sent = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple"


@contextmanager
def serving_index(form: str = "json") -> Iterator[IndexServer]:
    with IndexServer(form) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join(10)


def wheel_of(members: MEMBERS) -> bytes:
    """A wheel's bytes: a zip of these files, packed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


class _Answers(http.server.BaseHTTPRequestHandler):
    server: IndexServer

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        _, place, package, *_ = (*self.path.split("/"), "", "")
        if package not in self.server.wheels or place not in ("simple", "files"):
            self.send_error(404)
        elif place == "simple":
            self._page(package)
        else:
            self._wheel(self.server.wheels[package][1])

    def _page(self, package: str) -> None:
        name, content = self.server.wheels[package]
        digest = hashlib.sha256(content).hexdigest()
        if self.server.form == "json":
            entry = {
                "filename": name,
                "url": f"{self.server.elsewhere}/files/{package}/{name}",
                "hashes": {"sha256": digest},
            }
            body = json.dumps({"meta": {"api-version": "1.1"}, "name": package, "files": [entry]})
            form = "application/vnd.pypi.simple.v1+json"
        else:
            link = f'<a href="../../files/{package}/{name}#sha256={digest}">{name}</a><br/>'
            body, form = f"<!DOCTYPE html><html><body><a>nowhere</a>{link}</body></html>", "text/html"
        self.send_response(200)
        self.send_header("Content-Type", form)
        self.end_headers()
        self.wfile.write(body.encode())

    def _wheel(self, content: bytes) -> None:
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        rest = content[start:][: self.server.limit]
        if self.server.hold is not None:
            rest = rest[: self.server.hold]
        self.server.sent += len(rest)
        self.wfile.write(rest)
        if self.server.hold is not None:
            self.wfile.flush()
            self.server.held.set()
            self.server.release.wait(120)

    def log_message(self, *args: object) -> None:
        """Quiet."""
