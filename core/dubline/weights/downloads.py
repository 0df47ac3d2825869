"""Fetching a file from a plain address: what broke off goes on where it stopped, and damage is noticed."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path

from dubline.errors import WeightsError
from dubline.report import Report
from dubline.weights.files import BLOCK, agree, checksum

TIMEOUT = 30.0  # seconds without a byte


class Unreachable(Exception):
    """The other side could not be reached, or broke off. The text says which file and why; `status` is the
    server's answer, 0 if there was none."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


def from_url(url: str, target: Path, sha256: str, report: Report, *, token: str = "") -> None:
    """Download to `target`. `report(done, total)` counts bytes; total is 0 while it is not known.

    Bytes gather in `target.part`; if that is there, only the rest is asked for. `sha256` is the whole
    checksum or its beginning; a file that does not agree is removed. `token` is sent to that address alone,
    not to where it may lead.

    Raises:
        Unreachable: no network, an error of the server, or the connection broke; the part stays.
        WeightsError: the bytes are not those promised.
    """
    if target.is_file():
        return
    gathered = target.with_name(target.name + ".part")
    have = gathered.stat().st_size if gathered.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "dubline", "Accept-Encoding": "identity"})
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            if url.startswith("https:") and not answer.url.startswith("https:"):
                raise Unreachable(f"{url} leads to an address without encryption")
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
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the part is as long as the file, or longer: not a part of it
            _check(gathered, target, sha256)
            return
        raise Unreachable(f"{url}: the server answers {error.code} {error.reason}", error.code) from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise Unreachable(
            f"{url}: {getattr(error, 'reason', None) or error or type(error).__name__}"
        ) from error
    if total and have != total:
        raise Unreachable(f"{url}: broke off after {have} of {total} bytes")
    _check(gathered, target, sha256)


def _check(gathered: Path, target: Path, sha256: str) -> None:
    try:
        agree(target, checksum(gathered), sha256)
    except WeightsError:
        gathered.unlink()
        raise
    gathered.replace(target)
