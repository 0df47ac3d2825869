"""Getting a pyannote pipeline's files: from the models folder, or file by file from the Hugging Face hub.

Files that were fetched before are taken from the hub's own cache without asking the network.
`dubline.weights.hub` tells where the token comes from, and where it never goes.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from dubline.errors import DublineError, WeightsError
from dubline.weights.hub import failure, find_token, gated, import_hub, is_offline, require_network


def fetch(repository: str, name: str) -> Path:
    """One file of a repository, from the cache or the network.

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
    require_network(repository, constants.ENDPOINT)
    problem: DublineError
    try:
        return Path(hub.hf_hub_download(repository, name, token=token or False))
    except Exception as error:  # the client's own network library, whichever release brings which
        problem = failure(error, repository, token, name)
        lacks = isinstance(error, errors.EntryNotFoundError)
        if lacks and not isinstance(error, errors.LocalEntryNotFoundError):
            problem = WeightsError(
                f"{repository} has no file {name}: it is no pyannote pipeline that Dubline can use",
                hint="Use pyannote/speaker-diarization-community-1, or a folder laid out like it.",
            )
    # Outside of the handler: what the client raised may quote the request, and the request the token.
    raise problem from None
