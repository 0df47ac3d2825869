"""Fetching files from the network: a plain address, resumable, or a Hugging Face repository.

Both are asked for nothing but the files: no account, no telemetry.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

from dubline.errors import BackendMissing, DublineError, WeightsError
from dubline.report import Report
from dubline.weights.files import BLOCK, agree, bag_signatures, checksum

TIMEOUT = 30.0  # seconds without a byte
HUB_ENDPOINT: str | None = None  # None: what huggingface_hub takes by itself


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


def from_hub(repository: str, name: str, folder: Path, report: Report) -> list[str]:
    """Download a bag and its models from a Hugging Face repository; returns the file names, the bag first.

    `report` counts files.

    Raises:
        Unreachable: no network, or the repository does not have a file.
        BackendMissing: huggingface_hub or PyYAML is not installed.
    """
    # Read when the library is first imported.
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        import huggingface_hub
        from huggingface_hub.utils import logging
    except ImportError:
        raise BackendMissing(
            "models from the Hugging Face hub need huggingface_hub",
            hint='Install it with: pip install "dubline[demucs]"',
        ) from None
    logging.set_verbosity_error()  # what went wrong is said once, at the end

    def get(file: str) -> Path:
        try:
            got = huggingface_hub.hf_hub_download(
                repository, file, local_dir=folder, token=False, endpoint=HUB_ENDPOINT
            )
        except (DublineError, MemoryError):
            raise
        except Exception as error:  # the library's errors come from several others
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            first = re.split(r"[\r\n]", str(error).strip())[0]
            raise Unreachable(f"{file} from {repository}: {first or type(error).__name__}") from error
        return Path(got)

    bag = f"{name}.yaml"
    names = [bag]
    signatures = dict.fromkeys(bag_signatures(get(bag)))
    for signature in signatures:
        report(len(names), 1 + len(signatures))
        names.append(f"{signature}.safetensors")
        get(names[-1])
    report(len(names), len(names))
    return names
