"""A language model's server, asked in the form that OpenAI made common (`/chat/completions`).

Ollama, vLLM, llama.cpp and LM Studio all speak it, each with its own gaps. What a server refuses (a schema
for the reply, a switch that turns thinking off, a seed) is left out from then on. A request runs in a thread
that is looked at ten times a second, so that stopping never waits for a model.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from dubline.backends.contract import Tick
from dubline.errors import BackendFailed, InvalidJob
from dubline.weights.network import is_local, words_of

KEYS = ("DUBLINE_LLM_KEY", "OPENAI_API_KEY")
"""The environment variables that may hold the key, the first one set counts. It is kept nowhere else."""
EXAMPLES = (
    "Ollama: http://localhost:11434/v1, vLLM: http://localhost:8000/v1, "
    "llama.cpp: http://localhost:8080/v1, LM Studio: http://localhost:1234/v1"
)
STARTING = "`ollama serve`, `vllm serve MODEL`, `llama-server -m MODEL.gguf`, or the switch in LM Studio"
TRIES = 4  # for a server that is busy or breaks; a model that answers badly is the caller's matter
PAUSE = 1.0  # seconds before the second try; doubled each time
LONGEST_PAUSE = 60.0  # also where the server asks for more
LOOK = 0.1  # seconds between two looks at a running request
CONNECTING = 10.0  # seconds

# What is asked for, most wanted first. Each server takes some of it; the words tell which one it refuses.
THINKING_OFF: tuple[dict[str, Any], ...] = (
    {"reasoning_effort": "none", "think": False, "chat_template_kwargs": {"enable_thinking": False}},
    {"chat_template_kwargs": {"enable_thinking": False}},
    {},
)
FORMATS = ("json_schema", "json_object", "")
SAMPLING = (("temperature", "seed"), ("temperature",), ())
WORDS = (
    ("reasoning", "think", "chat_template"),
    ("response_format", "json_schema", "json_object", "schema", "grammar"),
    ("temperature", "seed"),
)


class Unanswered(Exception):
    """A request gave nothing to read: the server was busy, broke, or took too long. The text says which."""


class Server:
    """One model on one server.

    `host` is where the lines go, `local` whether that is this very machine; `key_from` names the environment
    variable that holds the key, "" without one.

    Raises:
        InvalidJob: the address is missing or no address.
    """

    def __init__(
        self, address: str, model: str, *, timeout: float, temperature: float, seed: int | None
    ) -> None:
        self.address, self.host, self.local, self.encrypted = _checked(address)
        self.model = model
        self._timeout = timeout
        self._temperature = temperature
        self._seed = seed
        self.key_from = next((name for name in KEYS if os.environ.get(name)), "")
        self._given = [0, 0, 0]  # how far down THINKING_OFF, FORMATS and SAMPLING this server has us
        self._answered = False
        self._client: Any = None

    def ask(self, system: str, user: str, schema: dict[str, Any], tick: Tick, *, turn: int = 0) -> str:
        """The model's reply, as it came. `tick` is called ten times a second and may raise to stop.

        `turn` counts the tries of one question: it is added to the seed, so that another try is another one.

        Raises:
            Unanswered: nothing came in time, or what came was no reply.
            BackendFailed: no line will be answered: no server, no such model, no permission.
        """
        import openai

        given, pause, tries = list(self._given), PAUSE, 1
        while True:
            try:
                reply: str = self._watched(lambda: self._send(system, user, schema, tuple(given), turn), tick)
            except openai.APITimeoutError as error:
                if _cause(error) == "ConnectTimeout":
                    raise self._unreachable() from None
                raise Unanswered(f"no answer within {self._timeout:g} s") from None
            except openai.APIConnectionError as error:
                if _cause(error) == "ConnectError" and (not self._answered or tries == TRIES):
                    raise self._unreachable() from None
                wait, why = pause, "the connection broke off"
            except openai.APIStatusError as error:
                status, said = error.status_code, self._said(error)
                if status in (401, 403):
                    raise self._forbidden(status) from None
                if status == 404:
                    raise self._not_found(tick) from None
                if status in (400, 422):
                    if "context" not in said.lower() and _give_way(given, said):
                        continue
                    raise Unanswered(f"the server refuses the request: {said}") from None
                if status not in (408, 409, 429) and status < 500:
                    raise Unanswered(f"the server answers {status}: {said}") from None
                wait, why = _asked_pause(error, pause), f"the server answers {status}: {said}"
            except openai.OpenAIError as error:
                raise Unanswered(f"the reply cannot be read: {self._clean(str(error))}") from None
            else:
                self._answered, self._given = True, given
                return reply
            if tries == TRIES:
                raise Unanswered(why)
            tries, pause = tries + 1, pause * 2
            self._wait(wait, tick)

    def close(self) -> None:
        """Break off what is under way."""
        if self._client is not None:
            self._client.close()
            self._client = None

    # --- one request ---------------------------------------------------------------------------

    def _send(self, system: str, user: str, schema: dict[str, Any], given: tuple[int, ...], turn: int) -> str:
        thinking, form, sampling = THINKING_OFF[given[0]], FORMATS[given[1]], SAMPLING[given[2]]
        body: dict[str, Any] = dict(thinking)
        if form == "json_schema":
            wrapped = {"name": "translations", "strict": True, "schema": schema}
            body["response_format"] = {"type": form, "json_schema": wrapped}
        elif form:
            body["response_format"] = {"type": form}
        if "temperature" in sampling:
            body["temperature"] = self._temperature
        if "seed" in sampling and self._seed is not None:
            body["seed"] = self._seed + turn
        reply = self._open().chat.completions.create(
            model=self.model,
            messages=[{"role": "system", "content": system}, {"role": "user", "content": user}],
            extra_body=body,
        )
        return self._text_of(reply)

    def _text_of(self, reply: Any) -> str:
        choices = getattr(reply, "choices", None)
        if not choices:
            # A page of a proxy, an error sent with status 200, a reply that was filtered away.
            what = reply if isinstance(reply, str) else (getattr(reply, "error", None) or "no choices")
            raise Unanswered(f"the server sent no reply: {self._clean(str(what))}")
        message = getattr(choices[0], "message", None)
        text = getattr(message, "content", None) or getattr(message, "refusal", None) or ""
        return text if isinstance(text, str) else str(text)

    def _open(self) -> Any:
        import openai

        if self._client is None:
            # A proxy of the environment must not carry what is meant to stay on this machine, and no
            # redirect may send it elsewhere. What the library tells about this machine is left out.
            http = openai.DefaultHttpxClient(
                trust_env=not self.local, follow_redirects=False, event_hooks={"request": [_say_less]}
            )
            limits = openai.Timeout(self._timeout, connect=min(CONNECTING, self._timeout))
            key = os.environ.get(self.key_from, "") if self.key_from else ""
            self._client = openai.OpenAI(
                base_url=self.address, api_key=key or "none", max_retries=0, timeout=limits, http_client=http
            )
        return self._client

    def _watched(self, call: Callable[[], Any], tick: Tick) -> Any:
        """Run `call` in a thread; leave it behind when `tick` raises or the time is over."""
        done: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

        def run() -> None:
            try:
                done.put((call(), None))
            except BaseException as error:  # raised again below, where somebody can deal with it
                done.put((None, error))

        self._open()
        threading.Thread(target=run, daemon=True, name="dubline-llm").start()
        # The client's own limit counts from one piece of the reply to the next; this one counts all of it.
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                tick()
                value, error = done.get(timeout=LOOK)
            except queue.Empty:
                if time.monotonic() > deadline:
                    self.close()
                    raise Unanswered(f"no answer within {self._timeout:g} s") from None
            except BaseException:
                self.close()
                raise
            else:
                if error is not None:
                    raise error
                return value

    def _wait(self, seconds: float, tick: Tick) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            tick()
            time.sleep(min(LOOK, left))

    # --- what goes wrong -----------------------------------------------------------------------

    def _said(self, error: Any) -> str:
        return self._clean(words_of(error.body) or str(error.body or error))

    def _clean(self, text: str) -> str:
        """A server's words on one short line, without the key should it repeat it."""
        key = os.environ.get(self.key_from, "") if self.key_from else ""
        text = " ".join(text.split())
        return (text.replace(key, "***") if key else text)[:200]

    def _unreachable(self) -> BackendFailed:
        hint = (
            f"Start it ({STARTING}), or correct the address. Usual ones: {EXAMPLES}."
            if self.local
            else "Check the address, the network, and that the server is running."
        )
        return BackendFailed(f"no server answers at {self.address}", hint=hint)

    def _forbidden(self, status: int) -> BackendFailed:
        if self.key_from:
            hint = (
                f"It was given the key from the environment variable {self.key_from}; put a valid one there."
            )
        else:
            hint = f"Put its key into the environment variable {KEYS[0]} (or {KEYS[1]})."
        return BackendFailed(f"{self.host} wants another key (status {status})", hint=hint)

    def _not_found(self, tick: Tick) -> BackendFailed:
        import openai

        try:
            listed = self._watched(lambda: [str(m.id) for m in self._open().models.list().data or ()], tick)
        except (openai.OpenAIError, Unanswered, AttributeError, TypeError):
            listed = []
        if self.model in listed or not listed:
            return BackendFailed(
                f"{self.address} answers, but not as a language model's server",
                hint=f"The address usually ends in /v1. Usual ones: {EXAMPLES}.",
            )
        return BackendFailed(
            f"the server at {self.address} has no model {self.model!r}",
            hint=f"It has: {', '.join(sorted(listed)[:40])}. Choose one of them, or load yours there.",
        )


def _checked(address: str) -> tuple[str, str, bool, bool]:
    """(address with its path, host, whether that is this machine, whether the way there is encrypted)."""
    if not address.strip():
        raise InvalidJob(
            "the translator 'llm' needs the address of a server",
            hint=f"Say where it runs with the option server. Usual ones: {EXAMPLES}.",
        )
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidJob(f"{address!r} is not an address of a server", hint=f"Usual ones: {EXAMPLES}.")
    if parts.username or parts.password or parts.query or parts.fragment:
        # It would be written into the manifest.
        raise InvalidJob(
            f"the address of the server at {host} holds more than host, port and path",
            hint=f"A key belongs into the environment variable {KEYS[0]}.",
        )
    local = is_local(host)
    shown = f"[{host}]" if ":" in host else host
    place = f"{shown}:{port}" if port else shown
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return f"{parts.scheme}://{place}{path}", host, local, parts.scheme == "https"


def _give_way(given: list[int], said: str) -> bool:
    """Leave out one more thing, the one that the server names if it names one. False: nothing is left."""
    said = said.lower()
    lengths = (len(THINKING_OFF), len(FORMATS), len(SAMPLING))
    open_ones = [i for i in range(3) if given[i] + 1 < lengths[i]]
    named = [i for i in open_ones if any(word in said for word in WORDS[i])]
    for i in named or open_ones:
        given[i] += 1
        return True
    return False


def _asked_pause(error: Any, pause: float) -> float:
    """Seconds to wait: what the server asks for in Retry-After, within bounds, else our own."""
    try:
        return min(max(float(error.response.headers.get("retry-after")), 0.0), LONGEST_PAUSE)
    except (TypeError, ValueError):
        return min(pause, LONGEST_PAUSE)


def _cause(error: BaseException) -> str:
    return type(error.__cause__).__name__


def _say_less(request: Any) -> None:
    """Take off the headers that describe the user's machine and account."""
    for name in [*request.headers]:
        if name.lower().startswith("x-stainless") or name.lower() in (
            "openai-organization",
            "openai-project",
        ):
            del request.headers[name]
