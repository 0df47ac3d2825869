"""The way to the network, for all that Dubline asks of it itself.

What is asked of this very machine goes there directly, whatever proxy is set. A redirect takes a key along to
the same place and to no other.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

_HERE = "localhost,127.0.0.1,::1"


def is_local(host: str) -> bool:
    """Whether a host is this very machine, by its name alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost" or host.lower().rstrip(".").endswith(".localhost")


def keep_local() -> None:
    """Tell other libraries of this process, and programs that it starts, to use no proxy for this machine."""
    for name in ("no_proxy", "NO_PROXY"):
        said = os.environ.get(name, "")
        if said != "*" and _HERE not in said:
            os.environ[name] = f"{said},{_HERE}".lstrip(",")


def open_address(request: urllib.request.Request, timeout: float, *, follow: bool = True) -> Any:
    """The answer to a request, to be closed by the caller. `timeout`: seconds without a byte. Without
    `follow` a redirect is an error of the server (urllib's HTTPError).

    Raises:
        OSError, http.client.HTTPException: as urllib does.
    """
    opener = urllib.request.build_opener(_Proxies(), _Redirects() if follow else _NoRedirects())
    return opener.open(request, timeout=timeout)


class _Proxies(urllib.request.ProxyHandler):
    def proxy_open(self, req: urllib.request.Request, proxy: str, type: str) -> Any:
        if is_local(urlsplit(f"//{req.host}").hostname or ""):
            return None
        return super().proxy_open(req, proxy, type)  # type: ignore[misc]


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: urllib.request.Request, *args: Any, **kwargs: Any) -> Any:
        after = super().redirect_request(req, *args, **kwargs)
        if after is not None and (req.type, req.host) == (after.type, after.host):
            after.unredirected_hdrs.update(req.unredirected_hdrs)
        return after


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def said_by(error: urllib.error.HTTPError, *secrets: str) -> str:
    """What a service's error says for itself, on one line and without `secrets`; "" where it says nothing."""
    try:
        data = error.read(1 << 16)
    except (OSError, http.client.HTTPException):
        return ""
    text = data.decode("utf-8", "replace").strip()
    try:
        told = words_of(json.loads(text))
    except (ValueError, RecursionError):
        told = "" if text.startswith("<") or "html" in error.headers.get("Content-Type", "") else text
    for secret in filter(None, secrets):
        told = told.replace(secret, "...")
    return " ".join("".join(c if c.isprintable() else " " for c in told).split())[:300]


def words_of(said: Any) -> str:
    """The text in what services answer: {"error": {"message": ...}}, {"detail": [{"msg": ...}]}, a text."""
    if isinstance(said, str):
        return said
    if isinstance(said, list):
        return "; ".join(filter(None, map(words_of, said)))
    if isinstance(said, dict):
        names = ("error", "errors", "message", "msg", "detail", "error_description", "description", "reason")
        return next((told for name in names if (told := words_of(said.get(name)))), "")
    return ""
