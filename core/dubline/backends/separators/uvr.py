"""The `uvr` separator: MDX-Net models of Ultimate Vocal Remover, run by onnxruntime.

Vocals only; what is left of the sound is for the stage to share out. No torch, no librosa, no network.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec

from dubline.backends.backend import Sought, versions
from dubline.backends.contract import Survey, Tick
from dubline.backends.separators.models import ModelSeparator
from dubline.errors import (
    BackendFailed,
    BackendMissing,
    DublineError,
    InvalidJob,
    ValidationError,
    WeightsError,
    first_line,
)
from dubline.threads import default_threads
from dubline.values.base import complaint
from dubline.weights.files import Weights, checksum, resolve
from dubline.weights.installation import extra_command
from dubline.weights.known import Kind

if TYPE_CHECKING:
    from dubline.backends.contract import Sources
    from dubline.backends.separators.mdxnet import Floats, Framing, MdxParameters

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


class Uvr(ModelSeparator):
    """A separator that takes the vocals out of a sound (see `dubline.backends.contract.Separator`).

    `model` is a name in the models folder or the path of an `.onnx` file. Its parameters are taken from the
    option, else from a `.json` of the same stem beside it, else from its card, else from what UVR
    publishes about that file.
    """

    requires: ClassVar[tuple[str, ...]] = ("onnxruntime",)
    extra: ClassVar[str] = "uvr"
    form: ClassVar[Kind] = "mdx"

    class Options(ModelSeparator.Options, frozen=True, kw_only=True):
        """Settings of `uvr`.

        `parameters` replaces those that come with the model (see `MdxParameters`). `overlap` is the share
        of a stretch that the next one covers again. `threads`: by itself, the physical cores less one.
        `device` auto takes CUDA where onnxruntime can use it, else the processor; CoreML only when named.
        `batch` stretches go through the model at once. `denoise` runs the model on the inverted sound too and
        takes the mean, which cancels what the model adds by itself, at twice the cost.
        """

        model: str = "UVR-MDX-NET-Voc_FT"
        parameters: dict[str, Any] | None = None
        overlap: Annotated[float, msgspec.Meta(ge=0.01, le=0.95)] = 0.25
        threads: Annotated[int, msgspec.Meta(ge=1, le=1024)] | None = None
        device: Literal["auto", "cpu", "cuda", "coreml"] = "auto"
        batch: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
        denoise: bool = False

    @classmethod
    def rank(cls, content: str) -> int | None:
        """First for voices over everything: the MDX voice models are made for it."""
        return {"music": 70, "cinematic": 70, "film": None}.get(content, 80)

    @classmethod
    def how_to_get(cls, sought: Sought) -> str:
        return "`dubline models fetch UVR-MDX-NET-Voc_FT` brings one, or `dubline models import FILE`."

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        """onnxruntime, the model's files, and the parameters that may stand beside it."""
        weights = resolve(options.model, "mdx")
        beside = weights.files[0].with_suffix(".json")
        sums = (checksum(beside),) if beside.is_file() else ()
        return (*versions("onnxruntime"), *weights.identity().sha256, *sums)

    def __init__(self, options: Options) -> None:
        """Load the weights.

        Raises:
            WeightsError: no such model, a damaged one, or one whose parameters are unknown or don't fit.
            BackendMissing: onnxruntime or the named device is not there.
        """
        from dubline.backends.separators.mdxnet import Spectra

        self.rate = 44100
        self.sources: tuple[str, ...] = ("vocals",)
        self._options = options
        weights = resolve(options.model, "mdx")
        path = weights.files[0]
        if len(weights.files) > 1:
            raise WeightsError(f"{path.parent} holds more than one model", hint="Name one of its files.")
        self.parameters = _parameters(weights, options.parameters)
        self.identities = (weights.identity(),)
        self._session, self.device, told = _open(path, options)
        self._input, self._fixed = _check_shape(self._session, path, self.parameters, options.batch)
        self._spectra = Spectra(self.parameters)
        self.notes: tuple[str, ...] = (told, *_notes(self.parameters, options))

    def stream(self, survey: Survey, tick: Tick, outputs: tuple[tuple[str, ...], ...] = ()) -> Framing:
        """Begin with one sound, two channels at 44.1 kHz. `tick` is called before each run of the model.

        Blocks raise `BackendFailed` when the model breaks or returns what is not a number, and
        `ValidationError` when the sound itself holds such values.
        """
        from dubline.backends.separators.mdxnet import Framing

        def model(stretches: Floats) -> Floats:
            tick()
            return self._separate(stretches)

        return Framing(self.parameters, model, overlap=self._options.overlap, batch=self._options.batch)

    def _separate(self, stretches: Floats) -> Sources:
        """(n, 2, stretch) samples -> as many, of what the model returns."""
        import numpy as np

        if not stretches.any():
            # A model's own noise has no place in digital silence.
            return np.zeros_like(stretches)
        spectra = np.stack([self._spectra.forward(stretch) for stretch in stretches])
        found = self._run(spectra)
        if self._options.denoise:
            found = (found - self._run(-spectra)) * np.float32(0.5)
        if not np.isfinite(found).all():
            if not np.isfinite(stretches).all():
                raise ValidationError("the sound holds values that are not numbers")
            raise BackendFailed(
                f"{self.identities[0].name} returned values that are not numbers",
                hint="The model file may be damaged, or not be what its parameters say.",
            )
        return np.stack([self._spectra.backward(one) for one in found])

    def _run(self, spectra: Floats) -> Floats:
        if self._session is None:
            raise BackendFailed("the model has been closed", hint="Use the separator inside its `with`.")
        import numpy as np

        count = len(spectra)
        if count < self._fixed:  # the last stretches of a sound, and a model of a fixed batch
            spectra = np.concatenate(
                (spectra, np.zeros_like(spectra, shape=(self._fixed - count, *spectra.shape[1:])))
            )
        try:
            (found,) = self._session.run(None, {self._input: spectra})
        except Exception as error:  # onnxruntime's errors share no base class
            raise BackendFailed(
                f"{self.identities[0].name} failed in onnxruntime: {first_line(error)}",
                hint="If memory ran out, try a batch of 1, or the cpu device.",
            ) from error
        if found.shape != spectra.shape:
            raise BackendFailed(
                f"{self.identities[0].name} returned {found.shape} for {spectra.shape}",
                hint="This is not an MDX-Net model of one source.",
            )
        result: Floats = found[:count]
        return result

    def __exit__(self, *exc: object) -> None:
        self._session = None


def _parameters(weights: Weights, override: dict[str, Any] | None) -> MdxParameters:
    from dubline.backends.separators.mdxnet import MdxParameters, published_parameters, read_parameters

    path = weights.files[0]
    sidecar = path.with_suffix(".json")
    known: MdxParameters | None
    try:
        if override is not None:
            known = msgspec.convert(override, MdxParameters, strict=False)
        elif sidecar.is_file():
            known = read_parameters(sidecar)
        elif weights.card and weights.card.parameters:
            known = msgspec.convert(weights.card.parameters, MdxParameters)
        else:
            known = published_parameters(path)
    except msgspec.ValidationError as error:
        if override is not None:
            raise InvalidJob(f"uvr: parameters: {complaint(error)}") from None
        raise WeightsError(f"the card of {path}: parameters: {complaint(error)}") from None
    if known is None:
        raise WeightsError(
            f"{path}: the parameters of this model are not known",
            hint=f"Write them to {sidecar.name} beside it: an object with "
            f"{', '.join(MdxParameters.__struct_fields__)}, or its entry of UVR's model_data.json.",
        )
    if fault := known.fault():
        raise WeightsError(f"{path}: impossible parameters: {fault}", hint="Fix them.")
    return known


def _open(path: Path, options: Uvr.Options) -> tuple[Any, str, str]:
    """The session, the device it runs on, and a note that says so."""
    try:
        import onnxruntime
    except ImportError:
        raise BackendMissing(
            "uvr needs onnxruntime, which is not installed", hint=extra_command("uvr")
        ) from None
    if hasattr(onnxruntime, "disable_telemetry_events"):
        onnxruntime.disable_telemetry_events()
    offered = onnxruntime.get_available_providers()
    asked = options.device
    if asked == "auto":
        asked = "cuda" if PROVIDERS["cuda"] in offered else "cpu"
    if PROVIDERS[asked] not in offered:
        raise _device_missing(asked, f"this onnxruntime offers {', '.join(offered)}")
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads or default_threads()
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 4
    # Without the arena and its plan, memory goes back after each run instead of staying at the peak.
    settings.enable_cpu_mem_arena = False
    settings.enable_mem_pattern = False
    providers: list[Any] = [PROVIDERS["cpu"]]
    if asked == "cuda":
        providers.insert(0, (PROVIDERS["cuda"], {"arena_extend_strategy": "kSameAsRequested"}))
    elif asked == "coreml":
        providers.insert(0, PROVIDERS["coreml"])
    try:
        session = onnxruntime.InferenceSession(str(path), settings, providers=providers)
    except Exception as error:  # onnxruntime's errors share no base class
        raise WeightsError(
            f"{path} cannot be loaded as an ONNX model: {first_line(error)}",
            hint="The file is damaged or not ONNX. Get it again, then `dubline models import FILE`.",
        ) from error
    if PROVIDERS[asked] not in session.get_providers():  # onnxruntime falls back without a word
        if options.device != "auto":
            raise _device_missing(asked, "onnxruntime lists it, but it did not start")
        return session, "cpu", f"uvr runs on cpu: {asked} is listed by onnxruntime but did not start"
    threads = f" with {settings.intra_op_num_threads} thread(s)" if asked == "cpu" else ""
    why = ", taken by itself" if options.device == "auto" else ""
    return session, asked, f"uvr runs on {asked}{threads}{why}"


def _device_missing(device: str, why: str) -> DublineError:
    return BackendMissing(
        f"uvr cannot run on {device}: {why}",
        hint="Install the onnxruntime package made for that device, or ask for device cpu or auto.",
    )


def _check_shape(session: Any, path: Path, parameters: MdxParameters, batch: int) -> tuple[str, int]:
    """Compare the model's ends with the parameters; the input's name and its fixed batch (0: any)."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    hint = "Dubline runs MDX-Net models: one spectrum in, one spectrum out."
    if len(inputs) != 1 or len(outputs) != 1:
        raise WeightsError(
            f"{path} has {len(inputs)} inputs and {len(outputs)} outputs, not one of each", hint=hint
        )
    wanted = (None, 4, parameters.dim_f, parameters.dim_t)
    for end, what in ((inputs[0], "input"), (outputs[0], "output")):
        shape = list(end.shape)
        fits = len(shape) == 4 and all(
            not isinstance(size, int) or need is None or size == need
            for size, need in zip(shape, wanted, strict=True)
        )
        if not fits or end.type != "tensor(float)":
            raise WeightsError(
                f"{path}: its {what} is {end.type} {shape}; the parameters say tensor(float) "
                f"[any, 4, dim_f {parameters.dim_f}, dim_t {parameters.dim_t}]",
                hint="Fix the parameters in the .json beside the model. " + hint,
            )
    fixed = inputs[0].shape[0]
    if not isinstance(fixed, int):
        return str(inputs[0].name), 0
    if fixed != batch:
        raise InvalidJob(
            f"{path} works on {fixed} stretch(es) at once, not {batch}", hint=f"Use batch={fixed}."
        )
    return str(inputs[0].name), fixed


def _notes(parameters: MdxParameters, options: Uvr.Options) -> tuple[str, ...]:
    notes = []
    if parameters.stem == "instrumental":
        notes.append("the model returns the instrumental; the vocals are the sound minus that")
    if options.denoise:
        notes.append("denoise: mean of the model on the sound and on its inverse")
    return tuple(notes)
