"""A language model's server on this machine that answers well, or goes wrong in a way that a test names.

    with MisbehavingServer(faults={2: "truncated"}) as server:
        ... server.address ...
        server.requests[0].user["lines"]

The model is honest underneath: `meaning` says what it makes of a line, and the faults spoil how it is told.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

MODEL = "tiny-model"
SPOILT = (
    "missing", "extra", "fences", "truncated", "source_copy", "thinking", "list", "chatter", "refusal",
    "plain",
)  # fmt: skip
"""Replies with status 200 that are not what was asked for."""
BROKEN = ("error_500", "busy", "no_choices", "html", "dropped", "error_in_200")
"""Answers that are no reply at all."""


class Request(NamedTuple):
    """What a client sent to /chat/completions: `system` text, `user` decoded, the whole body, the headers."""

    system: str
    user: dict[str, Any]
    body: dict[str, Any]
    headers: dict[str, str]


def meaning(text: str) -> str:
    """The honest translation of "Ben 7 numarada bekledim!": "I am sentence number 7!"; numbers, placeholders
    and what stands at the end are kept."""
    kept = " ".join(re.findall(r"\d+|\{[^{}]*\}", text))
    end = re.search(r"[.!?…]*$", text)
    return f"I am sentence number {kept}{end[0] if end else ''}"


class MisbehavingServer:
    """Serves while used in a `with`. `faults`: the request's number, from 0, -> its fault, or a function of
    the number; `refuses`: names of body fields that are answered with 400; `key`: what it asks for;
    `spoilt_lines`: texts that are always answered with themselves."""

    def __init__(
        self,
        faults: Mapping[int, str] | Callable[[int], str] | None = None,
        *,
        refuses: tuple[str, ...] = (),
        formats: tuple[str, ...] = ("json_schema", "json_object"),
        key: str = "",
        spoilt_lines: tuple[str, ...] = (),
        says: Callable[[str], str] = meaning,
        error: str = "",
    ) -> None:
        self.requests: list[Request] = []
        self.hanging = threading.Event()
        self.released = threading.Event()
        self._fault = faults if callable(faults) else lambda number: (faults or {}).get(number, "")
        self.refuses = refuses
        self.formats = formats
        self.key = key
        self.spoilt_lines = spoilt_lines
        self.says = says
        self.error = error
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                if self.path == "/v1/models":
                    outer.send(self, 200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
                else:
                    outer.send(self, 404, {"error": {"message": "not found"}})

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                outer.answer(self, json.loads(raw))

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/v1"

    def answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """One request, with its fault."""
        if handler.path != "/v1/chat/completions" or body["model"] != MODEL:
            self.send(handler, 404, {"error": {"message": f"model {body['model']!r} not found"}})
            return
        if self.key and handler.headers["Authorization"] != f"Bearer {self.key}":
            self.send(handler, 401, {"error": {"message": f"bad key {handler.headers['Authorization']}"}})
            return
        form = body.get("response_format", {}).get("type", "")
        unknown = [name for name in self.refuses if name in body]
        if unknown:
            self.send(handler, 400, {"error": {"message": f"Unrecognized request argument: {unknown[0]}"}})
            return
        if form and form not in self.formats:
            self.send(handler, 400, {"error": {"message": f"response_format {form} is not supported"}})
            return
        user = json.loads(body["messages"][1]["content"])
        with self._lock:
            number = len(self.requests)
            request = Request(body["messages"][0]["content"], user, body, dict(handler.headers))
            self.requests.append(request)
        self._tell(handler, user["lines"], form, self._fault(number))

    def _tell(
        self, handler: BaseHTTPRequestHandler, lines: list[dict[str, Any]], form: str, fault: str
    ) -> None:
        if fault == "hang":
            self.hanging.set()
            self.released.wait()
            handler.close_connection = True
        elif fault == "error_500":
            self.send(handler, 500, {"error": {"message": "out of memory"}})
        elif fault == "busy":
            self.send(handler, 429, {"error": {"message": "slow down"}}, {"Retry-After": "0"})
        elif fault == "no_choices":
            self.send(handler, 200, {"id": "x", "object": "chat.completion", "choices": []})
        elif fault == "error_in_200":
            self.send(handler, 200, {"error": {"message": "the model has crashed"}})
        elif fault == "html":
            handler.send_response(200)
            handler.send_header("Content-Type", "text/html")
            handler.end_headers()
            handler.wfile.write(b"<html><body>502 Bad Gateway</body></html>")
        elif fault == "bad_request":
            self.send(handler, 400, {"error": {"message": self.error}})
        else:
            text = self._reply(lines, fault)
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            reply = {"id": "x", "object": "chat.completion", "model": MODEL, "choices": [choice]}
            self.send(handler, 200, reply, broken_off=fault == "dropped")

    def _reply(self, lines: list[dict[str, Any]], fault: str) -> str:
        """The model's text about these lines."""
        told: dict[str, Any] = {}
        for line in lines:
            said = line["text"] if line["text"] in self.spoilt_lines else self.says(line["text"])
            said = {"shorter": said.replace("I am sentence", "Line"), "longer": f"Well, {said}"}.get(
                line.get("make", ""), said
            )
            told[str(line["id"])] = {"normal": said, "short": said, "long": said}
        ids = list(told)
        if fault == "missing":
            del told[ids[-1]]
        elif fault == "extra":
            told["999999999"] = {
                "normal": "Nobody asked for this line.",
                "short": "No.",
                "long": "No one did.",
            }
        elif fault == "source_copy":
            told[ids[0]] = lines[0]["text"]
        text = json.dumps(told, ensure_ascii=False)
        if fault == "fences":
            return f"```json\n{text}\n```"
        if fault == "truncated":
            return text[: len(text) * 2 // 3]
        if fault == "thinking":
            return f'<think>Perhaps {{"{ids[0]}": "this is only a thought"}}?</think>\n{text}'
        if fault == "list":
            return json.dumps([{"id": int(i), "translation": told[i]["normal"]} for i in ids])
        if fault == "plain":
            return json.dumps({i: told[i]["normal"] for i in ids}, indent=1)
        if fault == "chatter":
            return f"Sure! Here are the {{{len(ids)}}} lines you wanted:\n{text}\nTell me if you need more."
        if fault == "refusal":
            return "I'm sorry, but I can't help with that."
        return text

    def send(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        value: Any,
        headers: Mapping[str, str] | None = None,
        *,
        broken_off: bool = False,
    ) -> None:
        """An answer in JSON; one that is broken off ends in the middle."""
        data = json.dumps(value, ensure_ascii=False).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        for name, text in (headers or {}).items():
            handler.send_header(name, text)
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2] if broken_off else data)

    def __enter__(self) -> MisbehavingServer:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
