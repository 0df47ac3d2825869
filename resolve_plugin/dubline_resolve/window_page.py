"""The window as a page in the browser, served to this machine alone: where there is no other.

Listens on 127.0.0.1, on a port the system gives. The address holds a word that opens one page, once; the page
gets another in a cookie. A request with another Host than ours is refused, so that no website reaches it by
its own name. One that changes something needs the page's own header too, which other sites' pages cannot set.
"""

import hmac
import json
import queue
import secrets
import socket
import threading
import time
import webbrowser
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any, Callable, Dict, Optional

from dubline_resolve.page_text import PAGE
from dubline_resolve.view_model import WindowModel

TURN = 0.1
"""Seconds to wait for a request before the engine is looked at."""
SLOWEST = 2.0
"""Seconds without a byte after which a connection is given up."""
LONGEST = 10.0
"""Seconds after which a connection is closed, whatever it does."""
MOST = 64
"""Connections at a time; one more is closed at once."""
FORSAKEN = 300.0
"""Seconds without a page, and without work, after which it ends. Hidden pages ask once a minute."""
LARGEST = 1 << 16


class PageWindow:
    """``run()`` opens the browser and returns when the window is closed. OSError where no port is given."""

    def __init__(
        self,
        model: WindowModel,
        knocked: Callable[[], bool],
        browse: Callable[[str], Any] = webbrowser.open,
    ) -> None:
        self.model = model
        self.knocked = knocked
        self.browse = browse
        self.once = ""
        self.session = secrets.token_urlsafe(32)
        self.asked = time.monotonic()
        self.asking: "queue.Queue[Callable[[], None]]" = queue.Queue()
        self.server = _Server(("127.0.0.1", 0), _handler(self))
        self.port = self.server.server_address[1]

    def address(self) -> str:
        """A new address that opens one page; the one before opens none any more."""
        self.once = secrets.token_urlsafe(32)
        return "http://127.0.0.1:{}/?word={}".format(self.port, self.once)

    def show(self) -> None:
        """Open a page; where there is no browser, its address is printed."""
        address = self.address()
        try:
            opened = self.browse(address)
        except Exception:  # webbrowser passes on whatever a browser's start raises
            opened = False
        if not opened:
            print("Dubline's window: {}".format(address))

    def run(self) -> None:
        """Serve until the window is closed, or left alone for long with nothing to do."""
        self.show()
        serving = threading.Thread(target=self.server.serve_forever, args=(TURN,), daemon=True)
        serving.start()
        try:
            while not self.model.closed:
                # Connections have threads of their own; Resolve is spoken to from this one alone.
                with suppress(queue.Empty):
                    self.asking.get(timeout=TURN)()
                self.model.tick()
                if self.knocked():
                    self.show()
                if not self.model.running and time.monotonic() - self.asked > FORSAKEN:
                    break
        finally:
            self.model.close()
            self.server.shutdown()
            self.server.server_close()

    def here(self, work: Callable[[], Any]) -> Any:
        """What `work` gives in the thread of `run`, or its error; None once the window is closed."""
        answer: "queue.Queue[Any]" = queue.Queue()

        def do() -> None:
            try:
                answer.put((work(), None))
            except Exception as error:  # for whoever asked
                answer.put((None, error))

        self.asking.put(do)
        while not self.model.closed or not answer.empty():
            with suppress(queue.Empty):
                value, error = answer.get(timeout=TURN)
                if error is not None:
                    raise error
                return value
        return None

    def layout(self) -> Dict[str, Any]:
        """What the page draws its elements from."""
        fields = [
            {"name": field.name, "kind": field.kind, "label": field.label, "tip": field.tip}
            for field in self.model.fields
        ]
        return {"fields": fields, "buttons": [[name, label] for name, label, _ in self.model.buttons()]}

    def take(self, message: Dict[str, Any]) -> None:
        """What the page sends: {"set": {field: value}} or {"act": action}. ValueError for anything else."""
        known = {field.name: field for field in self.model.fields}
        for name, value in dict(message.get("set") or {}).items():
            if name not in known:
                raise ValueError("no such field")
            field = known[name]
            if field.kind == "check":
                good = isinstance(value, bool)
            else:
                good = isinstance(value, str) and (
                    field.kind != "choice" or value in [key for key, _ in field.options]
                )
            if not good:
                raise ValueError("no such value")
            self.model.set(name, value)
        if message.get("act"):
            self.model.act(str(message["act"]))


class _Server(ThreadingMixIn, HTTPServer):
    """A thread for each connection, so that one which is slow or silent holds up nobody."""

    daemon_threads = True

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.free = threading.BoundedSemaphore(MOST)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        end = threading.Timer(LONGEST, _cut, (request,))
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self.free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the other side went away."""


def _cut(connection: Any) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _handler(window: PageWindow) -> Any:
    class Handler(BaseHTTPRequestHandler):
        timeout = SLOWEST
        server_version = "Dubline"
        sys_version = ""

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if path != "/" or not self._ours():
                self._answer(404 if self._ours() else 403)
                return
            if query.startswith("word=") and window.once and _equal(query[5:], window.once):
                window.once = ""
            elif not self._known():
                self._answer(403, "text/plain", b"This address was used. Start Dubline again from the menu.")
                return
            nonce = secrets.token_urlsafe(16)
            page = PAGE.replace("NONCE", nonce).replace("LAYOUT", _embedded(window.here(window.layout)))
            self._answer(200, "text/html", page.encode("utf-8"), nonce, cookie=True)

        def do_POST(self) -> None:
            own = self.headers.get("X-Dubline") == "1"
            if self.path != "/state" or not (self._ours() and self._known() and own):
                self._answer(403)
                return
            try:
                length = int(self.headers.get("Content-Length") or 0)
                if not 0 <= length <= LARGEST:
                    raise ValueError("too long")
                message = json.loads(self.rfile.read(length).decode("utf-8") or "{}")
                if not isinstance(message, dict):
                    raise ValueError("no object")
                window.asked = time.monotonic()
                view = window.here(lambda: (window.take(message), window.model.view())[1])
            except (ValueError, TypeError, RecursionError):
                self._answer(400)
                return
            self._answer(200, "application/json", json.dumps(view or {}).encode("ascii"))

        def _ours(self) -> bool:
            hosts = ["{}:{}".format(name, window.port) for name in ("127.0.0.1", "localhost")]
            origin = self.headers.get("Origin")
            return self.headers.get("Host") in hosts and (
                origin is None or origin in ["http://" + host for host in hosts]
            )

        def _known(self) -> bool:
            pairs = [part.strip().partition("=") for part in (self.headers.get("Cookie") or "").split(";")]
            name = "dubline{}".format(window.port)
            return any(key == name and _equal(value, window.session) for key, _, value in pairs)

        def _answer(
            self,
            status: int,
            kind: str = "text/plain",
            body: bytes = b"",
            nonce: Optional[str] = None,
            cookie: bool = False,
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind + "; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("X-Content-Type-Options", "nosniff")
            allowed = "'nonce-{}'".format(nonce) if nonce else "'none'"
            self.send_header(
                "Content-Security-Policy",
                "default-src 'none'; script-src {0}; style-src {0}; connect-src 'self'; "
                "frame-ancestors 'none'; base-uri 'none'; form-action 'none'".format(allowed),
            )
            if cookie:
                self.send_header(
                    "Set-Cookie",
                    "dubline{}={}; HttpOnly; SameSite=Strict; Path=/".format(window.port, window.session),
                )
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the address with its word is no line for a console."""

    return Handler


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8"))


def _embedded(values: Any) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(values).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
