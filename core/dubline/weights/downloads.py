"""Fetching a file from a plain address: what broke off goes on where it stopped, and damage is noticed."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dubline.errors import WeightsError
from dubline.report import Report
from dubline.weights.files import BLOCK, agree, checksum
from dubline.weights.network import open_address

TIMEOUT = 30.0  # seconds without a byte
PAGE = 16 << 20  # bytes that a page may have


class Unreachable(Exception):
    """The other side could not be reached, or broke off. The text says which file and why; `status` is the
    server's answer, 0 if there was none."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


def from_url(url: str, target: Path, sha256: str, report: Report, *, login: str = "") -> None:
    """Download to `target`. `report(done, total)` counts bytes; total is 0 while it is not known.

    Bytes gather in `target.part`; if that is there, only the rest is asked for. `sha256` is the whole
    checksum or its beginning; a file that does not agree is removed. `login` is an Authorization header, sent
    to that address alone, not to where it may lead.

    Raises:
        Unreachable: no network, an error of the server, or the connection broke; the part stays.
        WeightsError: the bytes are not those promised.
    """
    if target.is_file():
        return
    gathered = target.with_name(target.name + ".part")
    have = gathered.stat().st_size if gathered.is_file() else 0
    more = {"Range": f"bytes={have}-"} if have else {}
    try:
        with _answer(url, login, more) as answer:
            if answer.status != 206 or not answer.headers.get("Content-Range", "").startswith(
                f"bytes {have}-"
            ):
                have = 0
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else 0
            with gathered.open("ab" if have else "wb") as file:
                while block := answer.read(BLOCK):
                    file.write(block)
                    have += len(block)
                    report(have, total)
    except Unreachable as error:
        if error.status != 416:
            raise
        # The part is as long as the file, or longer: not a part of it.
        _check(gathered, target, sha256)
        return
    if total and have != total:
        raise Unreachable(f"{url}: broke off after {have} of {total} bytes")
    _check(gathered, target, sha256)


def read_page(url: str, accept: str, *, login: str = "") -> tuple[bytes, str, str]:
    """A page's bytes, its content type, and the address it came from in the end. `login` as for `from_url`.

    Raises:
        Unreachable: no network, an error of the server, or more than 16 MiB.
    """
    with _answer(url, login, {"Accept": accept}) as answer:
        body = answer.read(PAGE + 1)
        if len(body) > PAGE:
            raise Unreachable(f"{url} does not end")
        return body, answer.headers.get("Content-Type", ""), answer.url


@contextmanager
def _answer(url: str, login: str, headers: dict[str, str]) -> Iterator[Any]:
    """A server's answer, and `Unreachable` for all that may go wrong while it is read."""
    always = {"User-Agent": "dubline", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers={**always, **headers})
    if login:
        request.add_unredirected_header("Authorization", login)
    try:
        with open_address(request, TIMEOUT) as answer:
            if url.startswith("https:") and not answer.url.startswith("https:"):
                raise Unreachable(f"{url} leads to an address without encryption")
            yield answer
    except urllib.error.HTTPError as error:
        raise Unreachable(f"{url}: the server answers {error.code} {error.reason}", error.code) from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise Unreachable(
            f"{url}: {getattr(error, 'reason', None) or error or type(error).__name__}"
        ) from error


def _check(gathered: Path, target: Path, sha256: str) -> None:
    try:
        agree(target, checksum(gathered), sha256)
    except WeightsError:
        gathered.unlink()
        raise
    gathered.replace(target)
