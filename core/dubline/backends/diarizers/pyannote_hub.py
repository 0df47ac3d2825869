"""Getting a pyannote pipeline's files: from the models folder, or file by file from the Hugging Face hub.

Files that were fetched before are taken from the hub's own cache without asking the network.
`dubline.weights.hub` tells where the token comes from, and where it never goes.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from dubline.errors import DublineError, WeightsError
from dubline.weights.folders import find_folder, folders_here
from dubline.weights.hub import PROXIES as _PROXIES
from dubline.weights.hub import TOKENS_PAGE, failure, find_token, gated, import_hub, is_offline
from dubline.weights.hub import require_network as _require_network

__all__ = ["TOKENS_PAGE", "_PROXIES", "fetch", "find_token", "gated", "pipeline_folder", "pipelines_here"]


def pipeline_folder(model: str) -> Path | None:
    """Where a pipeline is on this machine, by name in the models folder, OWNER/NAME or path; else None."""
    return find_folder(model, "pyannote")


def pipelines_here() -> dict[str, Path]:
    """The whole pipelines in the models folder and the hub's cache, by the name to call them by."""
    return folders_here("pyannote")


def fetch(repository: str, name: str, *, required: bool = True) -> Path | None:
    """One file of a repository, from the cache or the network. None if it has none and need not.

    Raises:
        BackendMissing: huggingface_hub is not installed.
        WeightsError: not permitted, no such model or file, or no network.
    """
    hub = import_hub()
    from huggingface_hub import constants, errors

    with contextlib.suppress(Exception):
        cached = hub.try_to_load_from_cache(repository, name)
        if isinstance(cached, str) and Path(cached).is_file():
            return Path(cached)
    if is_offline():
        raise WeightsError(
            f"{name} of {repository} is not on this machine, and HF_HUB_OFFLINE forbids fetching it",
            hint="Unset HF_HUB_OFFLINE once, or give the path of a folder that holds the model.",
        )
    token = find_token()
    if token is None and repository.lower().startswith("pyannote/"):
        raise gated(repository, "there is no token")
    _require_network(repository, constants.ENDPOINT)
    problem: DublineError
    try:
        return Path(hub.hf_hub_download(repository, name, token=token if token else False))
    except Exception as error:  # the client's own network library, whichever release brings which
        lacks = isinstance(error, errors.EntryNotFoundError)
        if lacks and not isinstance(error, errors.LocalEntryNotFoundError) and not required:
            return None
        problem = failure(error, repository, token, name)
        if lacks and not isinstance(error, errors.LocalEntryNotFoundError):
            problem = WeightsError(
                f"{repository} has no file {name}: it is no pyannote pipeline that Dubline can use",
                hint="Use pyannote/speaker-diarization-community-1, or a folder laid out like it.",
            )
    # Outside of the handler: what the client raised may quote the request, and the request the token.
    raise problem from None
