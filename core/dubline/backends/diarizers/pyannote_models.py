"""A pyannote.audio 4 speaker diarization pipeline from files, without running anything that is in them.

pyannote.audio itself opens checkpoints with `weights_only=False` and imports whatever module and class they
name: a checkpoint can run any program. Here the configuration is plain YAML of which only one pipeline class
is accepted; checkpoints are opened by a reader of our own, may name the model classes listed below and no
other, and are handed to pyannote as bytes that we wrote ourselves from what was found.

    config.yaml  segmentation/pytorch_model.bin  embedding/pytorch_model.bin  plda/{plda,xvec_transform}.npz
"""

from __future__ import annotations

import dataclasses
import io
import logging
import warnings
from pathlib import Path, PurePosixPath
from typing import Any

from dubline.backends.torchaudio_guard import ensure_torchaudio
from dubline.errors import BackendMissing, WeightsError, first_line
from dubline.weights.checkpoints import PYANNOTE, StandIn, open_checkpoint
from dubline.weights.installation import extra_command
from dubline.weights.kinds import check_whole

CHECKPOINT = "pytorch_model.bin"
PLDA_FILES = ("plda.npz", "xvec_transform.npz")
PIPELINES = {
    "pyannote.audio.pipelines.SpeakerDiarization",
    "pyannote.audio.pipelines.speaker_diarization.SpeakerDiarization",
}
# Their code is pyannote's own and fetches nothing (SSeRiouSS and ToTaToNet would).
ARCHITECTURES = {
    ("pyannote.audio.models.segmentation.PyanNet", "PyanNet"),
    ("pyannote.audio.models.segmentation", "PyanNet"),
    *(
        (module, f"WeSpeakerResNet{depth}")
        for module in ("pyannote.audio.models.embedding.wespeaker", "pyannote.audio.models.embedding")
        for depth in (34, 152, 221, 293)
    ),
    ("pyannote.audio.models.embedding.xvector", "XVectorMFCC"),
    ("pyannote.audio.models.embedding.xvector", "XVectorSincNet"),
}
_PARAMETERS = {
    "clustering",
    "segmentation",
    "segmentation_step",
    "segmentation_batch_size",
    "embedding",
    "embedding_batch_size",
    "embedding_exclude_overlap",
    "plda",
}


def import_pyannote() -> str:
    """Import pyannote.audio with its telemetry off. Returns what is wrong with torchaudio, "" if nothing is.

    Raises:
        BackendMissing: it is not installed, too old, or cannot be imported.
    """
    import importlib
    import importlib.util

    remedy = extra_command("pyannote")
    if importlib.util.find_spec("pyannote") is None or importlib.util.find_spec("pyannote.audio") is None:
        raise BackendMissing("pyannote.audio is not installed", hint=f"Install it with: {remedy}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that torchcodec cannot decode; nothing here asks it to
        reason = ensure_torchaudio()
        try:
            audio = importlib.import_module("pyannote.audio")
            importlib.import_module("pyannote.audio.pipelines.speaker_diarization")
        except (ImportError, OSError, AttributeError) as error:
            raise BackendMissing(
                f"pyannote.audio cannot be imported: {first_line(error)}",
                hint=f"Install it again: {remedy}",
            ) from error
    for name in ("lightning", "lightning.pytorch", "lightning.pytorch.utilities.migration.utils"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if int(audio.__version__.split(".")[0]) < 4:
        raise BackendMissing(f"pyannote.audio {audio.__version__} is too old", hint=remedy)
    return reason


def read_config(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A pipeline's config.yaml -> its parameters, and the hyper-parameters of its steps.

    Raises:
        WeightsError: not such a file, or a pipeline of another class.
    """
    import yaml

    hint = "Give the folder of a pyannote speaker diarization pipeline, complete and unchanged."
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise WeightsError(f"{path} cannot be read: {error}", hint=hint) from None
    pipeline = config.get("pipeline") if isinstance(config, dict) else None
    if not isinstance(pipeline, dict) or not isinstance(pipeline.get("params"), dict):
        raise WeightsError(f"{path} does not describe a pipeline", hint=hint)
    if pipeline.get("name") not in PIPELINES:
        raise WeightsError(
            f"{path} names the class {pipeline.get('name')!r}, which is not loaded",
            hint="Only pyannote's own SpeakerDiarization is.",
        )
    strange = sorted(set(map(str, pipeline["params"])) - _PARAMETERS)
    if strange or "preprocessors" in config:
        raise WeightsError(f"{path} asks for {', '.join(strange) or 'preprocessors'}: refused", hint=hint)
    steps = config.get("params") or {}
    if not isinstance(steps, dict):
        raise WeightsError(f"{path}: params is not a table", hint=hint)
    return pipeline["params"], steps


def part_path(folder: Path, reference: Any, name: str) -> Path:
    """The file `name` of a part that a configuration refers to: `$model/PART`, or a path.

    Raises:
        WeightsError: it is not there, incomplete, or lies outside the folder.
    """
    if isinstance(reference, dict):
        inner = reference.get("subfolder")
        reference = f"$model/{inner}" if inner else reference.get("checkpoint", "")
    text = str(reference)
    inside = text.removeprefix("$model/").partition("@")[0]
    relative = PurePosixPath(inside)
    if text.startswith("$model/") or (folder / inside).exists():
        if relative.is_absolute() or ".." in relative.parts:
            raise WeightsError(f"the configuration refers to {text}, outside its folder: refused")
        wanted = relative if relative.suffix else relative / name
        path = folder / wanted
    else:
        raise WeightsError(
            f"the configuration in {folder} refers to {text}, which is not in it",
            hint=f'Put the model into the folder and write "$model/FOLDER" in place of {text}.',
        )
    check_whole(path)
    return path


def load_model(path: Path) -> Any:
    """A pyannote model from its checkpoint, in eval mode.

    Raises:
        WeightsError: damaged, or a class that is not allowed.
    """
    import numpy as np
    import torch
    from pyannote.audio import Model

    found = open_checkpoint(path, PYANNOTE)
    own = found.get("pyannote.audio")
    architecture = own.get("architecture") if isinstance(own, dict) else None
    if not isinstance(own, dict) or not isinstance(architecture, dict):
        raise WeightsError(f"{path} is not a pyannote checkpoint", hint="Give one made by pyannote.audio.")
    named = (str(architecture.get("module")), str(architecture.get("class")))
    if named not in ARCHITECTURES:
        raise WeightsError(
            f"{path} wants {named[0]}.{named[1]} to be imported: refused",
            hint="Known: " + ", ".join(sorted({c for _, c in ARCHITECTURES})) + ".",
        )
    state = found.get("state_dict")
    tensors = state if isinstance(state, dict) else {}
    clean = {
        "state_dict": {
            name: torch.from_numpy(np.array(value))
            for name, value in tensors.items()
            if isinstance(value, np.ndarray)
        },
        "hyper_parameters": plain(found.get("hyper_parameters") or {}),
        "pytorch-lightning_version": str(found.get("pytorch-lightning_version", "2.0.0")),
        "epoch": 0,
        "global_step": 0,
        "pyannote.audio": {
            "versions": {"pyannote.audio": str((own.get("versions") or {}).get("pyannote.audio", "4.0.0"))},
            "architecture": {"module": named[0], "class": named[1]},
            "specifications": _specifications(own.get("specifications")),
        },
    }
    buffer = io.BytesIO()
    try:
        torch.save(clean, buffer)
        buffer.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = Model.from_pretrained(buffer, map_location="cpu", strict=False)
    except Exception as error:
        raise WeightsError(
            f"{path} cannot be made into a model: {first_line(error)}",
            hint="It may be damaged, or made for another release of pyannote.audio.",
        ) from error
    model.eval()
    return model


def _specifications(value: Any) -> Any:
    """What a network is for, out of the stand-ins in its checkpoint; one for each task where it has many.

    Raises:
        WeightsError: a field, a problem or a resolution that pyannote.audio does not know.
    """
    from pyannote.audio.core.task import Problem, Resolution, Specifications

    if isinstance(value, list | tuple):
        return type(value)(map(_specifications, value))
    try:
        named = {field.name for field in dataclasses.fields(Specifications)}
        fields = {name: item for name, item in value.state.items() if name in named}
        for name, kind in (("problem", Problem), ("resolution", Resolution)):
            fields[name] = kind(*fields[name].values)
        return Specifications(**plain(fields))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"its specifications are none that pyannote.audio knows: {first_line(error)}",
            hint="Use a pipeline made for pyannote.audio 4.",
        ) from None


def plain(value: Any) -> Any:
    """Values without the stand-ins of OmegaConf's containers, which old checkpoints use for lists."""
    if isinstance(value, StandIn):
        state = getattr(value, "state", {})
        if isinstance(state, dict) and "_content" in state:
            return plain(state["_content"])
        return plain(state.get("_val")) if isinstance(state, dict) else None
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(item) for item in value)
    return value


def build_pipeline(config: Path) -> tuple[Any, tuple[Path, ...]]:
    """The pipeline that a config.yaml describes, and the files it was made of, which are all in its folder.

    Raises:
        WeightsError: a part is missing, damaged or refused.
    """
    from pyannote.audio.core.plda import PLDA
    from pyannote.audio.pipelines.speaker_diarization import SpeakerDiarization

    folder = config.parent
    check_whole(config)
    params, steps = read_config(config)
    files = [config]
    parts: dict[str, Any] = {}
    for part in ("segmentation", "embedding"):
        if part not in params:
            raise WeightsError(f"{config} names no {part} model", hint="Get the pipeline again.")
        path = part_path(folder, params[part], CHECKPOINT)
        files.append(path)
        parts[part] = load_model(path)
    clustering = params.get("clustering", "VBxClustering")
    if "plda" in params:
        paths = [part_path(folder, params["plda"], name) for name in PLDA_FILES]
        files += paths
        try:
            parts["plda"] = PLDA(paths[1], paths[0])
        except Exception as error:
            raise WeightsError(
                f"{paths[0].parent} holds no PLDA that can be read: {error}", hint="Get its files again."
            ) from error
    elif clustering == "VBxClustering":
        raise WeightsError(
            f"{config} names no plda, which VBxClustering needs", hint="Get the pipeline again."
        )
    else:
        parts["plda"] = PLDA.__new__(PLDA)  # the class insists on one, other clusterings never look at it
    rest = {key: value for key, value in params.items() if key not in ("segmentation", "embedding", "plda")}
    try:
        pipeline = SpeakerDiarization(**parts, **rest)
        pipeline.instantiate(steps)
    except Exception as error:
        raise WeightsError(
            f"{config} does not fit this pyannote.audio: {first_line(error)}",
            hint="Use a pipeline made for pyannote.audio 4.",
        ) from error
    return pipeline, tuple(files)
