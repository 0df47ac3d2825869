"""Getting a pyannote pipeline's files from the Hugging Face hub, with errors that say what to do.

Files that were fetched before are taken from the hub's own cache without asking the network. The token
comes from the environment (HF_TOKEN, HUGGINGFACE_TOKEN) or the system keyring (service "dubline", user
"huggingface"), else from the hub's own login; it is handed to the hub's client and to nothing else, and no
message of ours carries it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
from pathlib import Path
from typing import Any

from dubline.errors import BackendMissing, WeightsError

TOKENS_PAGE = "https://huggingface.co/settings/tokens"
CONNECT_SECONDS = 4.0
_TOKEN_NAMES = ("HF_TOKEN", "HUGGINGFACE_TOKEN")
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def find_token() -> str | None:
    """The user's token, or None."""
    for name in _TOKEN_NAMES:
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


def gated(repository: str, why: str) -> WeightsError:
    """The two steps that open a gated model."""
    return WeightsError(
        f"{repository} is given only to signed-in users who accepted its conditions: {why}",
        hint=f"1. Sign in and accept the conditions at https://huggingface.co/{repository}. "
        f"2. Make a token with read access at {TOKENS_PAGE} and set it as HF_TOKEN. "
        "Or give the path of a folder that holds the model.",
    )


def fetch(repository: str, name: str, *, required: bool = True) -> Path | None:
    """One file of a repository, from the cache or the network. None if it has none and need not.

    Raises:
        BackendMissing: huggingface_hub is not installed.
        WeightsError: not permitted, no such model or file, or no network.
    """
    try:
        import huggingface_hub as hub
        from huggingface_hub import constants, errors
    except ImportError:
        raise BackendMissing(
            "fetching a model needs huggingface_hub", hint='pip install "dubline[pyannote]"'
        ) from None
    with contextlib.suppress(Exception):
        cached = hub.try_to_load_from_cache(repository, name)
        if isinstance(cached, str) and Path(cached).is_file():
            return Path(cached)
    if constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise WeightsError(
            f"{name} of {repository} is not on this machine, and HF_HUB_OFFLINE forbids fetching it",
            hint="Unset HF_HUB_OFFLINE once, or give the path of a folder that holds the model.",
        )
    token = find_token()
    if token is None and repository.lower().startswith("pyannote/"):
        raise gated(repository, "there is no token")
    _require_network(repository, constants.ENDPOINT)
    failure: WeightsError
    try:
        return Path(hub.hf_hub_download(repository, name, token=token if token else False))
    except errors.GatedRepoError:
        failure = gated(repository, "the token's owner has not" if token else "there is no token")
    except errors.RepositoryNotFoundError as error:
        failure = _not_found(repository, token, error)
    except errors.EntryNotFoundError as error:
        if isinstance(error, errors.LocalEntryNotFoundError):
            failure = _unreachable(repository)
        elif not required:
            return None
        else:
            failure = WeightsError(
                f"{repository} has no file {name}: it is no pyannote pipeline that Dubline can use",
                hint="Use pyannote/speaker-diarization-community-1, or a folder laid out like it.",
            )
    except errors.HfHubHTTPError as error:
        code = getattr(getattr(error, "response", None), "status_code", None)
        if code in (401, 403):
            failure = _refused(repository)
        else:
            failure = WeightsError(
                f"the hub answered {code or 'with an error'} for {repository}", hint="Try again later."
            )
    except errors.HFValidationError:
        failure = WeightsError(
            f"{repository!r} is neither a folder here nor a name on the hub",
            hint="Give a folder with a config.yaml in it, or OWNER/NAME.",
        )
    except Exception as error:  # the client's own network library, whichever release brings which
        failure = WeightsError(
            f"{name} of {repository} could not be fetched ({type(error).__name__})",
            hint="Check the connection, or give the path of a folder that holds the model.",
        )
    # Outside of the handlers: what the client raised may quote the request, and the request the token.
    raise failure from None


def _refused(repository: str) -> WeightsError:
    return WeightsError(
        f"the hub refused the token for {repository}",
        hint=f"Make a new one with read access at {TOKENS_PAGE} and set it as HF_TOKEN; "
        f"accept the conditions at https://huggingface.co/{repository}.",
    )


def _not_found(repository: str, token: str | None, error: Any) -> WeightsError:
    code = getattr(getattr(error, "response", None), "status_code", None)
    if token and code == 401:
        return _refused(repository)
    return WeightsError(
        f"there is no model {repository} on the hub, or this account may not see it",
        hint="Check the name. A private model needs a token with access: set it as HF_TOKEN.",
    )


def _unreachable(repository: str) -> WeightsError:
    return WeightsError(
        f"{repository} is not on this machine, and the Hugging Face hub cannot be reached",
        hint="Connect once to fetch it, or give the path of a folder that holds the model.",
    )


def _require_network(repository: str, endpoint: str) -> None:
    """Fail in seconds where the client would retry for half a minute. Behind a proxy only it can tell."""
    import socket
    from urllib.parse import urlsplit

    if any(os.environ.get(name) for name in _PROXIES):
        return
    place = urlsplit(endpoint)
    port = place.port or (80 if place.scheme == "http" else 443)
    try:
        socket.create_connection((place.hostname or "", port), timeout=CONNECT_SECONDS).close()
    except OSError:
        raise _unreachable(repository) from None
