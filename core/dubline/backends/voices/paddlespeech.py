"""PaddleSpeech's voices: FastSpeech2 and a vocoder, for English, Chinese, and both mixed.

They live in an environment of their own (`dubline backends install paddlespeech --with voices`) and work in a
process of their own. Nothing is downloaded and nothing leaves the machine; the user brings the models, one
folder with PaddleSpeech's two archives unpacked in it:

    VOICE/fastspeech2_nosil_ljspeech_ckpt_0.5/   default.yaml  snapshot_iter_100000.pdz  phone_id_map.txt
                                                 speech_stats.npy  [speaker_id_map.txt]  [pitch_stats.npy]
    VOICE/hifigan_ljspeech_ckpt_0.2.0/           default.yaml  snapshot_iter_2500000.pdz  feats_stats.npy
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from dubline.backends.backend import Backend, Sought
from dubline.backends.contract import Spoken, Tick, VoiceInfo
from dubline.backends.paddle import ENVIRONMENT, PaddleBackend
from dubline.backends.programs import speakable
from dubline.backends.voices.take import read_spoken
from dubline.errors import BackendFailed, InvalidJob, WeightsError
from dubline.language.script import base_language
from dubline.values.base import ModelIdentity
from dubline.weights.files import checksum, models_folder
from dubline.weights.folders import folder_card

ARCHIVES = "https://paddlespeech.cdn.bcebos.com/Parakeet/released_models"
PAIRS = {
    "en": (
        "fastspeech2/fastspeech2_nosil_ljspeech_ckpt_0.5.zip",
        "hifigan/hifigan_ljspeech_ckpt_0.2.0.zip",
    ),
    "zh": ("fastspeech2/fastspeech2_nosil_aishell3_ckpt_0.4.zip", "hifigan/hifigan_aishell3_ckpt_0.2.0.zip"),
}
"""For each language an acoustic model and a vocoder that fit, from PaddleSpeech 1.5.0's own list
(resource/pretrained_models.py)."""
ENGLISH = re.compile(r"[A-Z]{2}[0-2]")  # ARPAbet vowels with their stress
CHINESE = re.compile(r"[a-z]+[1-5]")  # finals of pinyin with their tone


class PaddleSpeechVoice(PaddleBackend):
    """`paddlespeech`: FastSpeech2 with Parallel WaveGAN, HiFi-GAN or multi-band MelGAN, on the processor.

    A worker that crashes is started once more; a line over which it dies twice fails, and the next one has a
    fresh worker. Weights are read without running anything that is in the file.
    """

    parts: ClassVar[tuple[str, ...]] = ("voices",)
    languages: ClassVar[tuple[str, ...] | None] = ("en", "zh")
    any_voice: ClassVar[bool] = False
    precedence: ClassVar[int | None] = None

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`model`: the folder with both models, or its name in the models folder; "" takes the first there
        that speaks the language. `vocoder`: the vocoder's folder, where it lies elsewhere. `nltk_data`: a
        folder of NLTK's with averaged_perceptron_tagger_eng, to tell English words apart that are spelt
        alike; works without. `threads` 0 takes the physical cores less one. `timeout` is in seconds for a
        sentence.
        """

        model: str = ""
        vocoder: str = ""
        language: str = ""
        nltk_data: str = ""
        threads: int = 0
        timeout: float = 120.0

    @classmethod
    def weights_here(cls, sought: Sought) -> Mapping[str, Path]:
        """The first voice that speaks the language.

        Raises:
            WeightsError: there is none. InvalidJob: the named one does not speak the language.
        """
        home, _ = _home(sought.model, base_language(sought.language) if sought.language else "")
        return {sought.model or home.name: home}

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        """The environment, and both models' files."""
        wanted = base_language(options.language) if options.language else ""
        home, _ = _home(options.model, wanted)
        acoustic, vocoder = _files(home, options.vocoder, wanted)
        return cls.sums(Path(path) for path in (*acoustic.values(), *vocoder.values()) if path)

    def __init__(self, options: Options) -> None:
        """Find the files, start the worker and load the models.

        Raises:
            BackendMissing: the environment is not installed, or lacks its part for voices.
            WeightsError: a file is missing, damaged, or does not fit the others.
            InvalidJob: a language that PaddleSpeech or this model does not speak.
            BackendFailed: the worker cannot be started.
        """
        from dubline.workers.environments import command

        if options.threads < 0 or not options.timeout > 0:
            raise InvalidJob("threads must be 0 or more, timeout above 0", hint="Fix the option.")
        wanted = base_language(options.language) if options.language else ""
        if wanted and wanted not in PAIRS:
            raise InvalidJob(
                f"PaddleSpeech has no voice for {options.language!r}", hint="It speaks English and Chinese."
            )
        start = command(ENVIRONMENT, self.parts, "paddlespeech_voice")
        home, spoken = _home(options.model, wanted)
        acoustic, vocoder = _files(home, options.vocoder, wanted)
        self._timeout = options.timeout
        self._speakers = _names(acoustic["speakers"])
        tongue = wanted or spoken.replace("mix", "")
        self._infos = tuple(
            VoiceInfo(name=f"{home.name}#{name}" if name else home.name, language=tongue)
            for name in (self._speakers or {"": -1})
        )
        self._numbers = {
            info.name: number
            for info, number in zip(self._infos, self._speakers.values() or (-1,), strict=True)
        }
        self.paces = True
        self.pitches = bool(acoustic["pitch"])
        card = folder_card(home)
        files = [Path(path) for path in (*acoustic.values(), *vocoder.values()) if path]
        self.identities = (
            ModelIdentity(
                name=home.name,
                files=tuple(f"{file.parent.name}/{file.name}" for file in files),
                sha256=tuple(checksum(file) for file in files),
                licence=card.licence if card else "",
                origin=card.origin if card else home.as_posix(),
            ),
        )
        load = {
            "acoustic": acoustic,
            "vocoder": vocoder,
            "language": spoken,
            "nltk_data": str(Path(options.nltk_data).expanduser().absolute()) if options.nltk_data else "",
        }
        told = self._start(start, options.threads, load)
        self.notes: tuple[str, ...] = (
            f"PaddleSpeech {told['paddlespeech']} with PaddlePaddle {told['paddle']}: {home.name}, "
            f"{told['vocoder']}, {told['rate']} Hz, in a process of its own",
        )
        if not told["tagged"]:
            self.notes += (
                "English words that are spelt alike (read, live) are not told apart: that needs NLTK's "
                "averaged_perceptron_tagger_eng, with the option nltk_data",
            )
        if not self.pitches:
            self.notes += (f"{home.name} has no pitch_stats.npy: a voice's pitch is changed afterwards",)

    def voices(self) -> tuple[VoiceInfo, ...]:
        return self._infos

    def knows(self, voice: str) -> bool:
        return voice in self._numbers

    def speak(self, text: str, voice: str, *, speed: float, pitch: float, tick: Tick) -> Spoken:
        if voice not in self._numbers:
            raise BackendFailed(
                f"paddlespeech has no voice {voice!r}",
                hint=f"There are: {', '.join(list(self._numbers)[:10])}.",
            )
        tick()
        path = self._worker.folder / "take.wav"
        path.unlink(missing_ok=True)
        asked: dict[str, Any] = {
            "text": speakable(text),
            "speaker": self._numbers[voice],
            "speed": min(max(speed, 0.25), 4.0),
            "pitch": pitch if self.pitches else 1.0,
            "path": str(path),
        }
        self._worker.call("speak", asked, timeout=self._timeout, report=lambda done, total: tick())
        return read_spoken(path, "paddlespeech")


# --- finding the files -------------------------------------------------------------------------


def language_of(phones: Path) -> str:
    """What a model speaks, by its phone_id_map.txt: "en", "zh", "mix", or "" for something else."""
    names = _names(str(phones))
    english = any(ENGLISH.fullmatch(name) for name in names)
    chinese = any(CHINESE.fullmatch(name) for name in names)
    return {(True, True): "mix", (True, False): "en", (False, True): "zh"}.get((english, chinese), "")


def _home(model: str, language: str) -> tuple[Path, str]:
    """The folder of a voice, and what it speaks.

    Raises:
        WeightsError: there is none. InvalidJob: it does not speak the language.
    """
    place = models_folder()
    if not model:
        there = sorted(path for path in place.glob("*") if path.is_dir() and not path.name.startswith("."))
        spoken = [(path, _speaks(path)) for path in there]
        fitting = [(path, s) for path, s in spoken if s and (not language or s in (language, "mix"))]
        if not fitting:
            raise WeightsError(
                f"there is no PaddleSpeech voice{f' for {language}' if language else ''} in {place}",
                hint=_get(place / "VOICE", language),
            )
        return fitting[0]
    path = place / model
    if not path.is_dir():
        path = Path(model).expanduser().absolute()
    found = _speaks(path)
    if not found:
        raise WeightsError(f"there is no PaddleSpeech voice in {path}", hint=_get(path, language))
    if language and found not in (language, "mix"):
        raise InvalidJob(
            f"the PaddleSpeech voice {path.name} speaks {found}, not {language}",
            hint="Name another with the option `model`.",
        )
    return path, found


def _speaks(path: Path) -> str:
    maps = sorted(path.rglob("phone_id_map.txt"))
    return language_of(maps[0]) if maps else ""


def _files(home: Path, vocoder: str, language: str) -> tuple[dict[str, str], dict[str, str]]:
    """The paths of both models' files: config, checkpoint, stats, and what only the acoustic model has.

    Raises:
        WeightsError: a file is missing, or it is not clear which vocoder is meant.
    """
    phones = min(home.rglob("phone_id_map.txt"))
    inside = phones.parent
    acoustic = _model(inside, "speech_stats.npy", _get(home, language))
    for key, name in (("speakers", "speaker_id_map.txt"), ("pitch", "pitch_stats.npy")):
        acoustic[key] = str(inside / name) if (inside / name).is_file() else ""
    acoustic["phones"] = str(phones)
    if vocoder:
        found = [Path(vocoder).expanduser().absolute()]
    else:
        folders = {file.parent for pattern in ("*.pdz", "*.pdparams") for file in home.rglob(pattern)}
        found = sorted(folder for folder in folders if not (folder / "phone_id_map.txt").is_file())
    if len(found) != 1:
        listed = ", ".join(folder.name for folder in found) or "none"
        raise WeightsError(
            f"{home} should hold one vocoder, and holds {listed}",
            hint="Name its folder with the option `vocoder`." if found else _get(home, language),
        )
    return acoustic, _model(found[0], "*stats.npy", _get(home, language))


def _model(folder: Path, stats: str, hint: str) -> dict[str, str]:
    """Config, checkpoint and stats in a folder; of several checkpoints the one trained longest."""
    found = {
        "config": sorted(folder.glob("*.yaml")),
        "checkpoint": sorted([*folder.glob("*.pdz"), *folder.glob("*.pdparams")], key=_steps),
        "stats": sorted(folder.glob(stats)),
    }
    for key, name in (("config", "default.yaml"), ("checkpoint", "snapshot_iter_N.pdz"), ("stats", stats)):
        if not found[key]:
            raise WeightsError(f"{name} is missing in {folder}", hint=hint)
    return {key: str(files[-1].absolute()) for key, files in found.items()}


def _steps(checkpoint: Path) -> tuple[int, str]:
    number = re.search(r"(\d+)$", checkpoint.stem)
    return int(number[1]) if number else 0, checkpoint.name


def _names(path: str) -> dict[str, int]:
    """A file of names and numbers; empty where there is none.

    Raises:
        WeightsError: it is something else.
    """
    if not path:
        return {}
    try:
        lines = [line.split() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
        return {name: int(number) for name, number in lines}
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path} is not a list of names and numbers: {error}", hint="Get it again."
        ) from None


def _get(place: Path, language: str) -> str:
    acoustic, vocoder = PAIRS.get(language, PAIRS["en"])
    return f"Unpack {ARCHIVES}/{acoustic} and {ARCHIVES}/{vocoder} into {place}."
