"""Demucs: any of its models, or film checkpoints of the same class, over a sound of any length.

Only the model classes of demucs 4.1 are used. Its file reading, its `Separator` and its `apply_model`
hold the whole film in memory, and add the mean of the mix to every stem; here the loop is ours.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from dubline.backends.backend import Sought, versions
from dubline.backends.contract import Survey, Tick
from dubline.backends.separators.models import ModelSeparator
from dubline.errors import BackendFailed, InvalidJob, first_line
from dubline.weights.files import resolve
from dubline.weights.known import Kind
from dubline.weights.recommended import CDX23, HTDEMUCS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dubline.backends.separators.demucs_weights import Bag
    from dubline.signal.overlap import OverlapAdd

    Array = NDArray[np.float32]

# Sources of the models trained on the Divide-and-Remaster data. Their authors run them at the sound's own
# level; the music models expect it brought to deviation 1.
FILM_SOURCES = {"music", "sfx", "effects", "effect", "speech", "dialog", "dialogue"}
# Beyond it the work, 1 / (1 - overlap), grows without bound.
HIGHEST_OVERLAP = 0.95


class Demucs(ModelSeparator):
    """A Demucs model or bag of models.

    Raises:
        WeightsError: the model is missing, damaged or refused.
        BackendMissing: a device was named that torch cannot use.
        BackendFailed: the device has no room for the weights.
        InvalidJob: an option is out of range.
    """

    requires: ClassVar[tuple[str, ...]] = ("demucs", "torch", "yaml", "safetensors")
    extra: ClassVar[str] = "demucs"
    form: ClassVar[Kind] = "demucs"

    class Options(ModelSeparator.Options, frozen=True, kw_only=True):
        """`model`: a name, or the path of a .th, .yaml, .safetensors or folder.

        `overlap`: share of a chunk that the next one repeats, 0 to 0.95. `shifts`: how often the sound
        is heard again, delayed by up to half a second (seeded by `seed`), and averaged; 0 is once.
        `device`: auto, cpu, cuda, cuda:N, mps. `precision`: auto, fp32, bf16, fp16. `batch`: chunks at once
        (default: by the GPU's free memory, 1 on a CPU). `threads`: CPU threads (default: physical cores
        less one). `normalise`: bring the sound to deviation 1 first (default: as the model was trained).
        A constant offset is always taken off.
        """

        model: str = "htdemucs"
        overlap: float = 0.25
        shifts: int = 0
        seed: int = 0
        device: str = "auto"
        precision: str = "auto"
        batch: int | None = None
        threads: int | None = None
        normalise: bool | None = None

    @classmethod
    def rank(cls, content: str) -> int | None:
        """First for music, and the only one that has film models."""
        return 80 if content in ("music", "cinematic", "film") else 70

    @classmethod
    def how_to_get(cls, sought: Sought) -> str:
        row = CDX23 if sought.content == "film" else HTDEMUCS
        return f"`{row.command}` brings one ({row.asked}), or `dubline models import FILE`."

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        return (*versions("demucs", "torch"), *resolve(options.model, "demucs").identity().sha256)

    def __init__(self, options: Options) -> None:
        import torch

        from dubline.backends.separators.demucs_weights import load_bag
        from dubline.backends.torch_run import PRECISIONS, choose_device
        from dubline.threads import default_threads

        if not 0 <= options.overlap <= HIGHEST_OVERLAP:
            raise InvalidJob(
                f"overlap is {options.overlap}", hint=f"It is a share from 0 to {HIGHEST_OVERLAP}."
            )
        if options.shifts < 0:
            raise InvalidJob(f"shifts is {options.shifts}", hint="Use 0 (once, no shift) or more.")
        if options.batch is not None and options.batch < 1:
            raise InvalidJob(f"batch is {options.batch}", hint="Use 1 or more.")
        if options.threads is not None and options.threads < 1:
            raise InvalidJob(f"threads is {options.threads}", hint="Use 1 or more.")
        if options.precision not in PRECISIONS:
            raise InvalidJob(
                f"there is no precision {options.precision!r}", hint=f"Use {', '.join(PRECISIONS)}."
            )
        self._options = options
        self._device = choose_device(options.device)
        found = resolve(options.model, "demucs")
        self.identities = (found.identity(),)
        self._bag: Bag = load_bag(found.files[0])
        try:
            for model in self._bag.models:
                model.to(self._device)
        except RuntimeError as error:
            raise BackendFailed(
                f"the model cannot be put on {self._device}: {first_line(error)}",
                hint="Close other programs that use the GPU, or use --device cpu.",
            ) from None
        self._threads_before = torch.get_num_threads()
        torch.set_num_threads(options.threads or default_threads())
        self.rate = self._bag.rate
        self.sources = self._bag.sources
        self._streams: list[DemucsStream] = []
        self._decided: dict[int, tuple[str, float | None]] = {}  # by model: one trial serves all streams

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen, in words; complete once the sound is through."""
        import torch

        where = str(self._device)
        if self._device.type == "cuda":
            where = f"{self._device} ({torch.cuda.get_device_name(self._device)})"
        elif self._device.type == "cpu":
            threads = torch.get_num_threads()
            where = f"cpu, {threads} thread{'' if threads == 1 else 's'}"
        said = [f"Demucs model {self._bag.name} on {where}"]
        for stream in self._streams:
            said.extend(note for note in stream.notes() if note not in said)
        return tuple(said)

    def stream(self, survey: Survey, tick: Tick, outputs: tuple[tuple[str, ...], ...] = ()) -> DemucsStream:
        """Begin with one sound; each output is the sum of the sources it names (default: each source)."""
        outputs = outputs or tuple((source,) for source in self.sources)
        stream = DemucsStream(self._bag, survey, tick, outputs, self._options, self._device, self._decided)
        self._streams = [*self._streams[-7:], stream]
        return stream

    def __exit__(self, *exc: object) -> None:
        import gc

        import torch

        torch.set_num_threads(self._threads_before)
        for stream in self._streams:
            stream.close()
        self._bag = msgspec.structs.replace(self._bag, models=())
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


class DemucsStream:
    """One sound through a bag of models and its shifts: a lane for each, added up as they advance."""

    def __init__(
        self,
        bag: Bag,
        survey: Survey,
        tick: Tick,
        outputs: tuple[tuple[str, ...], ...],
        options: Demucs.Options,
        device: Any,
        decided: dict[int, tuple[str, float | None]],
    ) -> None:
        import numpy as np

        from dubline.backends.torch_run import ChunkRunner

        normalise = options.normalise
        if normalise is None:
            normalise = not set(bag.sources) <= FILM_SOURCES
        # The mean goes in any case: a constant is in no stem, but a model may make something of it.
        self._mean = survey.mean
        # As demucs does it: the deviation plus 1e-8, so that silence stays finite.
        self._deviation = survey.std + 1e-8 if normalise else 1.0
        self._outputs = len(outputs)
        totals = np.array(bag.weights, np.float64).sum(axis=0)
        delays = random.Random(options.seed)
        longest = bag.rate // 2
        copies = max(1, options.shifts)
        self._runners: list[ChunkRunner] = []
        self._models: list[int] = []  # which model of the bag each runner runs
        self._decided = decided
        self._lanes: list[OverlapAdd] = []
        for number, (model, weights) in enumerate(zip(bag.models, bag.weights, strict=True)):
            # Drawn for every model, used or not, so that the result does not depend on what is wanted.
            leads = [longest - delays.randint(0, longest) for _ in range(options.shifts)] or [0]
            mixing = np.zeros((len(outputs), len(bag.sources)), np.float32)
            for row, names in enumerate(outputs):
                for name in names:
                    column = bag.sources.index(name)
                    mixing[row, column] = weights[column] / totals[column] / copies
            if not mixing.any():
                continue  # a fine-tuned bag has a model for each source: skip those nobody wants
            runner = ChunkRunner(
                model,
                mixing,
                device=device,
                precision=options.precision,
                batch=options.batch,
                tick=tick,
            )
            if number in decided:
                runner.decide(*decided[number])
            self._runners.append(runner)
            self._models.append(number)
            self._lanes += [self._lane(model, runner, options.overlap, lead) for lead in leads]
        empty = np.zeros((self._outputs, 2, 0), np.float32)
        self._ready: list[Array] = [empty for _ in self._lanes]

    def _lane(self, model: Any, runner: Any, overlap: float, lead: int) -> OverlapAdd:
        from dubline.signal.overlap import OverlapAdd

        segment = int(model.samplerate * model.segment)
        return OverlapAdd(
            runner,
            outputs=self._outputs,
            segment=segment,
            stride=int((1 - overlap) * segment),
            length_for=getattr(model, "valid_length", lambda length: length),
            batch=runner.batch,
            lead=lead,
        )

    def push(self, block: Array) -> Array:
        """(2, n) -> (outputs, 2, m)."""
        import numpy as np

        level = ((block - np.float32(self._mean)) / np.float32(self._deviation)).astype(np.float32)
        return self._advance([lane.push(level) for lane in self._lanes])

    def flush(self) -> Array:
        """The rest: (outputs, 2, m)."""
        return self._advance([lane.flush() for lane in self._lanes])

    def _advance(self, fresh: list[Array]) -> Array:
        import numpy as np

        for number, runner in zip(self._models, self._runners, strict=True):
            if runner.judged:
                self._decided.setdefault(number, (runner.precision, runner.snr_db))
        self._ready = [
            np.concatenate([old, new], axis=-1) if old.shape[-1] else new
            for old, new in zip(self._ready, fresh, strict=True)
        ]
        count = min(ready.shape[-1] for ready in self._ready)
        total: Array = self._ready[0][..., :count].copy()
        for ready in self._ready[1:]:
            total += ready[..., :count]
        self._ready = [ready[..., count:] for ready in self._ready]
        # The mean is not given back: it would be added to every stem. The rest of the sound keeps it.
        total *= np.float32(self._deviation)
        return total

    def notes(self) -> list[str]:
        """What the lanes decided, in words."""
        return [note for runner in self._runners for note in runner.notes()]

    def close(self) -> None:
        """Let go of the models."""
        self._lanes.clear()
        self._runners.clear()

    def state(self) -> dict[str, Any]:
        saved: dict[str, Any] = {}
        for index, (lane, ready) in enumerate(zip(self._lanes, self._ready, strict=True)):
            saved.update({f"{index}.{key}": value for key, value in lane.state().items()})
            saved[f"{index}.ready"] = ready
        for index, runner in enumerate(self._runners):
            saved[f"precision.{index}"] = runner.precision if runner.judged else ""
        return saved

    def restore(self, state: dict[str, Any]) -> None:
        import numpy as np

        for index, lane in enumerate(self._lanes):
            mine = f"{index}."
            lane.restore({k[len(mine) :]: v for k, v in state.items() if k.startswith(mine)})
            self._ready[index] = np.array(state[f"{index}.ready"], np.float32)
        for index, runner in enumerate(self._runners):
            decided = str(state[f"precision.{index}"])
            if decided:
                runner.decide(decided)
