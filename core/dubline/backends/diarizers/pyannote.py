"""pyannote.audio 4: its speaker diarization pipeline, from the hub or from a folder, in windows.

The sound is handed over as samples in memory, so neither torchcodec nor torchaudio reads anything. A long
film is heard in windows and its voices linked (`windows`). Checkpoints are opened safely
(`pyannote_models`); telemetry is off.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dubline.backends.backend import Backend, Sought, versions
from dubline.backends.diarizers.windows import (
    RATE,
    SILENCE,
    HeardWindow,
    Same,
    WindowedDiarizer,
    check_ranges,
    inside,
    speaker_bounds,
)
from dubline.errors import BackendFailed, DublineError, WeightsError, first_line
from dubline.signal.embeddings import link
from dubline.values.base import ModelIdentity
from dubline.weights.folders import damaged_folders, find_folder, folders_here, weight_sums
from dubline.weights.kinds import look, read_licence
from dubline.weights.recommended import PYANNOTE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dubline.media.speech import Speech
    from dubline.report import Report

LONGEST_WINDOW = 60.0
DEFAULT = PYANNOTE.name
# As their pages on the hub say.
LICENCES = {DEFAULT: "CC-BY-4.0", "pyannote/speaker-diarization-3.1": "MIT"}
# Share of a window's work, measured with models of the released shapes: the embeddings take nearly all.
STEPS = {"segmentation": (0.0, 0.1), "embeddings": (0.1, 0.9)}


class Pyannote(WindowedDiarizer):
    """A pyannote speaker diarization pipeline.

    Raises:
        BackendMissing: pyannote.audio is missing or cannot be imported.
        WeightsError: the model is missing, gated, damaged or refused; the hint says what to do.
        InvalidJob: an option is out of range.
    """

    # Not "pyannote.audio": to look that up is to import its parent, which may be absent.
    requires: ClassVar[tuple[str, ...]] = ("torch", "pyannote")
    extra: ClassVar[str] = "pyannote"
    overlap: ClassVar[float] = 15.0
    longest_piece: ClassVar[float] = 30.0
    precedence: ClassVar[int | None] = 80  # first, where it is installed and has a model

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`model`: its name here or on the hub, or the path of a folder or its config.yaml.

        `speakers`, or bounds `min_speakers` and `max_speakers`; none: estimate. `window`: minutes that are
        heard together, 1 to 60; voices are linked across windows when their vectors' cosine reaches `link`,
        0 to 1. `step`: share of a segmentation window by which the next one moves on, 0.05 to 0.5 (None: as
        the pipeline says); larger is faster. `device`: auto, cpu, cuda, cuda:N, mps. `threads`: CPU threads.
        """

        model: str = DEFAULT
        speakers: int | None = None
        min_speakers: int | None = None
        max_speakers: int | None = None
        window: float = 20.0
        link: float = 0.75
        step: float | None = None
        device: str = "auto"
        threads: int | None = None

    def __init__(self, options: Options) -> None:
        self._bounds = speaker_bounds(options)
        check_ranges(options, ("link", 0, 1), ("window", 1, LONGEST_WINDOW), ("step", 0.05, 0.5))
        from dubline.backends.diarizers.pyannote_models import import_pyannote

        broken = import_pyannote()
        from dubline.backends.torch_run import choose_device

        self._options = options
        self._device = choose_device(options.device)
        pipeline, files, name = _open(options.model)
        self._pipeline: Any = pipeline
        self.embedding = f"pyannote-{name.partition('/')[2] or name}"
        if options.step is not None:
            pipeline.segmentation_step = options.step
            pipeline._segmentation.step = options.step * pipeline._segmentation.duration
        share_trunk(pipeline)
        pipeline.to(self._device)
        self.identities = (_identity(name, files),)
        notes = ["checkpoints opened without running code in them; telemetry off"]
        if broken:
            notes.append(f"torchaudio without its compiled part ({broken})")
        self.notes: tuple[str, ...] = tuple(notes)
        if self.identities[0].sha256:
            # Vectors of different weights cannot be compared, whatever the folder is called.
            self.embedding = f"pyannote-{self.identities[0].sha256[2][:16] if len(files) > 2 else ''}"
        import torch

        from dubline.threads import default_threads

        self._threads_before = torch.get_num_threads()
        torch.set_num_threads(options.threads or default_threads())

    @classmethod
    def weights_here(cls, sought: Sought) -> Mapping[str, Path]:
        if not sought.model:
            return folders_here("pyannote")
        found = find_folder(sought.model, "pyannote")
        return {sought.model: Path(look(found, "pyannote").path)} if found else {}

    @classmethod
    def damaged(cls) -> tuple[str, ...]:
        return damaged_folders("pyannote")

    @classmethod
    def how_to_get(cls, sought: Sought) -> str:
        name = sought.model if sought.model.count("/") == 1 else DEFAULT
        return f"`dubline models fetch {name}` brings it, or `dubline models import FOLDER`."

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        found = find_folder(options.model, "pyannote")
        if found is None and Path(options.model).expanduser().is_file():  # its config.yaml
            found = Path(options.model).expanduser().parent
        if found is None:
            raise WeightsError(
                f"the pipeline {options.model!r} is not on this machine",
                hint=cls.how_to_get(Sought(model=options.model)),
            )
        return (*versions("pyannote.audio", "torch"), *weight_sums(found))

    def _voice_of(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        (vector,) = self._pipeline._embedding(torch.from_numpy(sound)[None, None])
        found: NDArray[np.float32] = vector
        return found

    def _hear(
        self, speech: Speech, start: float, stop: float, report: Report, least: int | None, most: int | None
    ) -> HeardWindow:
        import numpy as np
        import torch

        length = stop - start
        report(0, length)
        sound = speech.read(round(start * RATE), round(stop * RATE))
        if not sound.size or float(np.abs(sound).max()) <= SILENCE:
            return HeardWindow()
        sound = np.pad(sound, (0, max(0, RATE - len(sound))))

        done = 0.0

        def hook(step: str, *_: Any, total: Any = None, completed: Any = None, **__: Any) -> None:
            nonlocal done
            first, share = STEPS.get(step, (0.0, 0.0))
            if share and total and completed is not None:
                done = max(done, first + share * min(1.0, int(completed) / int(total)))
            report(length * done, length)

        exact = least if least is not None and least == most else None
        bounds = {"num_speakers": exact} if exact else {"min_speakers": least, "max_speakers": most}
        file = {"waveform": torch.from_numpy(sound)[None], "sample_rate": RATE, "uri": "sound"}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                output = self._pipeline(file, hook=hook, **bounds)
        except DublineError:
            raise
        except MemoryError as error:
            raise BackendFailed(
                "pyannote ran out of memory", hint="Give shorter windows, or use --device cpu."
            ) from error
        except Exception as error:
            raise BackendFailed(
                f"pyannote failed between {start:.0f} s and {stop:.0f} s: "
                f"{type(error).__name__}: {first_line(error)}",
                hint="Try other bounds for the speakers, or the built-in diarizer.",
            ) from error
        return _heard(output, start, stop)

    def _link(
        self,
        runs: Sequence[dict[str, tuple[float, ...]]],
        seconds: Sequence[dict[str, float]],
        same: Same,
    ) -> list[dict[str, int]]:
        least, most = self._bounds
        bar = self._options.link
        return link(runs, least_alike=bar, seconds=seconds, same=same, at_least=least, at_most=most)

    def _free(self) -> None:
        self._pipeline = None

    def __exit__(self, *exc: object) -> None:
        import torch

        torch.set_num_threads(self._threads_before)
        super().__exit__(*exc)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _open(model: str) -> tuple[Any, tuple[Path, ...], str]:
    """The pipeline, its files, and its name."""
    from dubline.backends.diarizers.pyannote_models import build_pipeline

    place = find_folder(model, "pyannote") or Path(model).expanduser()
    config = place if place.is_file() else place / "config.yaml"
    if not config.is_file():
        if place.is_dir():
            raise WeightsError(
                f"{place} has no config.yaml: it is not a pyannote pipeline, or half downloaded",
                hint="Get all files of the model again.",
            )
        raise WeightsError(
            f"pyannote's model {model!r} is not on this machine",
            hint=Pyannote.how_to_get(Sought(model=model)),
        )
    pipeline, files = build_pipeline(config)
    return pipeline, files, model if model.count("/") == 1 else config.parent.name


def _identity(name: str, files: tuple[Path, ...]) -> ModelIdentity:
    from dubline.weights.files import checksum

    return ModelIdentity(
        name=name,
        files=tuple(f"{path.parent.name}/{path.name}" if path != files[0] else path.name for path in files),
        sha256=tuple(checksum(path) for path in files),
        licence=read_licence(files[0].parent / "README.md") or LICENCES.get(name, ""),
        origin=files[0].parent.as_posix(),
    )


def _heard(output: Any, start: float, stop: float) -> HeardWindow:
    """pyannote's answer in our values: times of the whole sound, inside the window, unit vectors."""
    import numpy as np

    from dubline.values.transcript import Turn

    def turns(annotation: Any) -> tuple[Turn, ...]:
        found = [
            Turn(start=start + float(segment.start), end=start + float(segment.end), speaker=str(label))
            for segment, _, label in annotation.itertracks(yield_label=True)
        ]
        return tuple(sorted(inside(found, start, stop), key=lambda t: (t.start, t.end, t.speaker)))

    embeddings: dict[str, tuple[float, ...]] = {}
    if output.speaker_embeddings is not None:
        for label, vector in zip(
            output.speaker_diarization.labels(), output.speaker_embeddings, strict=False
        ):
            norm = float(np.linalg.norm(vector))
            if np.isfinite(norm) and norm > 0:
                embeddings[str(label)] = tuple(float(x) for x in vector / norm)
    return HeardWindow(
        turns=turns(output.speaker_diarization),
        exclusive=turns(output.exclusive_speaker_diarization),
        embeddings=embeddings,
    )


def share_trunk(pipeline: Any) -> bool:
    """Let the embedding network run once for each window of sound, not once for each speaker in it.

    WeSpeaker's networks pool frames at the end, by speaker: everything before is the same for all. True if
    the pipeline's network is of that kind; the vectors are those of the stock method (a test compares them).
    """
    model = getattr(pipeline._embedding, "model_", None)
    if not type(model).__name__.startswith("WeSpeaker"):
        return False
    pipeline.get_embeddings = lambda *args, **named: _embeddings(pipeline, *args, **named)
    return True


def _embeddings(
    pipeline: Any, file: Any, binary_segmentations: Any, exclude_overlap: bool = False, hook: Any = None
) -> NDArray[np.float32]:
    """(windows, speakers, size) vectors; not numbers in windows where nobody speaks."""
    import math

    import numpy as np
    import torch

    network = pipeline._embedding
    active = np.nan_to_num(binary_segmentations.data).astype(np.float32)  # (windows, frames, speakers)
    count, frames, speakers = active.shape
    clean, least = active, -1
    if exclude_overlap:
        duration = binary_segmentations.sliding_window.duration
        least = math.ceil(frames * network.min_num_samples / (duration * network.sample_rate))
        clean = active * (active.sum(axis=2, keepdims=True) < 2)
    enough = clean.sum(axis=1, keepdims=True) > least
    weights = np.where(enough, clean, active).transpose(0, 2, 1)  # (windows, speakers, frames)
    out = np.full((count, speakers, network.dimension), np.nan, np.float32)
    for number in range(count):
        if weights[number].any():
            chunk = binary_segmentations.sliding_window[number]
            sound, _ = pipeline._audio.crop(file, chunk, mode="pad")
            with torch.inference_mode():
                vectors = network.model_(
                    sound[None].to(network.device),
                    weights=torch.from_numpy(weights[number : number + 1].copy()).to(network.device),
                )
            out[number] = vectors[0].float().cpu().numpy()  # (speakers, size)
        if hook is not None:
            hook("embeddings", None, total=count, completed=number + 1)
    return out
