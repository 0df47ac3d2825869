"""Piper: neural voices as ONNX files, on the processor. The user brings the voices.

A voice is a pair of files, `NAME.onnx` and `NAME.onnx.json`. Nothing is fetched: where a voice would have its
text prepared by a model that is downloaded first, it is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
from msgspec import structs

from dubline.backends.backend import Backend, Sought, versions
from dubline.backends.contract import Spoken, Tick, VoiceInfo
from dubline.backends.programs import speakable
from dubline.backends.voices.samples import LETTERS, SAMPLE, pitch_of
from dubline.errors import BackendFailed, DublineError, InvalidJob, WeightsError
from dubline.language.script import base_language
from dubline.signal.pitch import gender_of
from dubline.values.base import ModelIdentity
from dubline.values.languages import language_name
from dubline.weights.files import checksum, models_folder
from dubline.weights.folders import folder_card
from dubline.weights.recommended import PIPER
from dubline.weights.voice_pitches import KeptPitches

OPEN_AT_ONCE = 3  # voices in memory; one is about 60 to 120 MB
SAMPLES = 32  # speakers of one model that are heard, of those that have up to a thousand
_CARD = 20_000  # characters of a MODEL_CARD that are looked at
_FETCHES = ("pinyin",)  # ways to phonemes for which the library downloads a model
_GET = (
    "Piper's voices are pairs of NAME.onnx and NAME.onnx.json, as in huggingface.co/rhasspy/piper-voices: "
    "put them into a folder and bring it in with `dubline models import FOLDER`."
)


class Piper(Backend):
    """`piper`: a voice's file, or a folder of them.

    Raises:
        WeightsError: no voice there, one without its JSON file, or none for the language.
    """

    requires: ClassVar[tuple[str, ...]] = ("piper",)
    extra: ClassVar[str] = "piper"
    pitches: ClassVar[bool] = False
    any_voice: ClassVar[bool] = False
    precedence: ClassVar[int | None] = 80  # first: the voices are neural

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`model`: a voice's .onnx file, a folder with voices, or the name of one in the models folder; ""
        takes all there. `language`: a code; "" takes voices of every language."""

        model: str = ""
        language: str = ""

    @classmethod
    def check(cls, sought: Sought) -> None:
        """Refuse a language for which there is no voice here."""
        _fitting(sought.model, sought.language)

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        """Piper and onnxruntime, and the files of all voices to cast from."""
        files = [file for file, _ in _fitting(options.model, options.language)]
        sums = (checksum(part) for file in files for part in (file, file.with_name(f"{file.name}.json")))
        return (*versions("piper", "onnxruntime"), *sums)

    def __init__(self, options: Options) -> None:
        self._files: dict[str, tuple[Path, int | None]] = {}
        self._infos: list[VoiceInfo] = []
        self._letters: set[Path] = set()
        for file, settings in _fitting(options.model, options.language):
            for name, number in _speakers(file, settings).items():
                self._files[name] = file, number
                self._infos.append(VoiceInfo(name=name, language=_code(settings)))
            if settings.get("phoneme_type") == "text":
                self._letters.add(file)
        self._sums = {file: checksum(file) for file in sorted({file for file, _ in self._files.values()})}
        self.paces = True
        engine = ModelIdentity(
            name=versions("piper")[0], licence="GPL-3.0-or-later (the program)", origin="piper-tts"
        )
        self.identities = (engine, *(_identity(file, digest) for file, digest in self._sums.items()))
        self.notes: tuple[str, ...] = ()
        self._open: dict[Path, Any] = {}

    def voices(self) -> tuple[VoiceInfo, ...]:
        return tuple(self._infos)

    def knows(self, voice: str) -> bool:
        return voice in self._files

    def sampled(self, tick: Tick) -> tuple[VoiceInfo, ...]:
        """See `SampledVoice`. Of a model with many speakers the first 32 are heard; the others, and voices
        that cannot say the sample, have no pitch, and the notes tell of them."""
        samples = {file: LETTERS if file in self._letters else SAMPLE for file in self._sums}
        kept = {file: KeptPitches(digest, samples[file]) for file, digest in self._sums.items()}
        heard: Counter[Path] = Counter()
        found, notes = [], []
        for info in self._infos:
            file, number = self._files[info.name]
            speaker = info.name.partition("#")[2]
            hertz = kept[file].hertz.get(speaker)
            heard[file] += 1
            if hertz is None and heard[file] <= SAMPLES:
                tick()
                try:
                    # Without noise a voice speaks the same here and everywhere.
                    how = {"speaker_id": number, "noise_scale": 0.0, "noise_w_scale": 0.0}
                    hertz = pitch_of(self._said(samples[file], file, tick, **how))
                    kept[file].add(speaker, hertz)
                except (BackendFailed, WeightsError) as error:
                    notes.append(f"how high {info.name} speaks could not be heard: {error.message}")
            if hertz is not None:
                info = structs.replace(info, gender=gender_of(hertz), pitch=hertz)
            found.append(info)
        notes += [
            f"{SAMPLES} of the {count} voices in {file.name} were heard, and are cast from: a cast file "
            "can name the others"
            for file, count in heard.items()
            if count > SAMPLES
        ]
        self.notes = tuple(notes)
        return tuple(found)

    def speak(self, text: str, voice: str, *, speed: float, pitch: float, tick: Tick) -> Spoken:
        if voice not in self._files:
            raise BackendFailed(
                f"piper has no voice {voice!r}", hint=f"There are: {', '.join(list(self._files)[:10])}."
            )
        file, number = self._files[voice]
        tick()
        length = self._loaded(file).config.length_scale / max(speed, 0.1)
        return self._said(text, file, tick, speaker_id=number, length_scale=length)

    def _said(self, text: str, file: Path, tick: Tick, **how: Any) -> Spoken:
        """A text by a model; `how` are fields of Piper's `SynthesisConfig`."""
        from piper import SynthesisConfig

        model = self._loaded(file)
        # Loudness stays the model's own: made as loud as possible, a whisper would be a shout.
        config = SynthesisConfig(normalize_audio=False, **how)
        pieces, rate = [], int(model.config.sample_rate)
        try:
            # Double brackets would make phonemes of what stands between them.
            for chunk in model.synthesize(speakable(text).replace("[[", "[ ["), syn_config=config):
                tick()
                pieces.append(np.asarray(chunk.audio_float_array, np.float32).reshape(1, -1))
        except DublineError:
            raise
        except Exception as error:
            raise BackendFailed(
                f"piper could not speak it: {type(error).__name__}: {error}",
                hint="Try another voice, or another wording of the line.",
            ) from error
        sound = np.concatenate(pieces, axis=1) if pieces else np.zeros((1, 0), np.float32)
        return Spoken(sound=sound, rate=rate)

    def _loaded(self, file: Path) -> Any:
        from piper import PiperVoice

        model = self._open.pop(file, None)
        if model is None:
            while len(self._open) >= OPEN_AT_ONCE:
                self._open.pop(next(iter(self._open)))
            try:
                model = PiperVoice.load(file)
            except Exception as error:  # the library and the ONNX runtime have many ways to say it
                raise WeightsError(f"{file} is not a Piper voice: {error}", hint=_GET) from error
        self._open[file] = model  # the one used last is the last to go
        return model

    def __exit__(self, *exc: object) -> None:
        self._open.clear()


def _fitting(model: str, language: str) -> list[tuple[Path, dict[str, Any]]]:
    """The voices' files that speak a language ("": any), with what stands beside them.

    Raises:
        WeightsError: there is none, or one without its JSON file.
        InvalidJob: a voice would need a download.
    """
    place, files = _found(model)
    if not files or not files[0].is_file():
        starter = f"`{PIPER.command}` brings an English one. "
        english = not language or base_language(language) == "en"
        raise WeightsError(f"there is no Piper voice in {place}", hint=(starter if english else "") + _GET)
    told = [(file, _settings(file)) for file in files]
    wanted = base_language(language) if language else ""
    fitting = [
        (file, settings)
        for file, settings in told
        if not wanted or base_language(_code(settings).replace("_", "-")) == wanted
    ]
    if not any(_speakers(file, settings) for file, settings in fitting):
        raise WeightsError(f"no Piper voice in {place} speaks {language_name(language)}", hint=_GET)
    return fitting


def _code(settings: dict[str, Any]) -> str:
    return str(settings.get("language", {}).get("code") or settings["espeak"]["voice"])


def _speakers(file: Path, settings: dict[str, Any]) -> dict[str, int | None]:
    """Names of the voices in a file, and their numbers where there are several; who has no name is called by
    the number."""
    count = int(settings["num_speakers"])
    if count < 2:
        return {file.stem: None}
    named = settings.get("speaker_id_map") or {str(number): number for number in range(count)}
    return {f"{file.stem}#{name}": int(number) for name, number in named.items()}


def _identity(file: Path, digest: str) -> ModelIdentity:
    """A voice and its licence: as the card says that it was brought in with, else Piper's MODEL_CARD."""
    place = models_folder()
    folders = [folder for folder in file.parents if folder == file.parent or place in folder.parents]
    card = next((card for card in map(folder_card, folders) if card is not None), None)
    licence = card.licence if card is not None else ""
    return ModelIdentity(
        name=file.stem,
        files=(file.name,),
        sha256=(digest,),
        licence=licence or _told_licence(file.with_name("MODEL_CARD")),
        origin=card.origin if card is not None else "",
    )


def _told_licence(card: Path) -> str:
    try:
        told = re.search(r"^\W*License:[ \t]*(\S.*)$", card.read_text("utf-8")[:_CARD], re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return ""
    return f"{told[1].strip()[:200]}, says its MODEL_CARD" if told else ""


def _found(model: str) -> tuple[Path, list[Path]]:
    """Where voices are looked for, and the files of those that are there."""
    if not model:
        # Not every .onnx there is a voice; those that are have this beside them.
        beside = models_folder().glob("[!.]*/**/*.onnx.json")
        return models_folder(), sorted(file.with_suffix("") for file in beside)
    place = models_folder() / model
    if not place.is_dir():
        place = Path(model).expanduser()
    return place, sorted(place.rglob("*.onnx")) if place.is_dir() else [place]


def _settings(file: Path) -> dict[str, Any]:
    """A voice's JSON file.

    Raises:
        WeightsError: it is missing, or is not what Piper writes.
        InvalidJob: the voice would need a download.
    """
    beside = file.with_name(f"{file.name}.json")
    try:
        settings: dict[str, Any] = msgspec.json.decode(beside.read_bytes(), type=dict[str, Any])
        rate = int(settings["audio"]["sample_rate"])
        int(settings["num_speakers"])
        str(settings["espeak"]["voice"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{beside} does not describe a Piper voice: {error!r}", hint=_GET) from None
    if rate <= 0:
        raise WeightsError(f"{beside}: a sample rate of {rate}", hint=_GET)
    if settings.get("phoneme_type") in _FETCHES:
        raise InvalidJob(
            f"{file.name} needs a model that Piper downloads while it works",
            hint="Choose a voice whose phoneme_type is espeak or text.",
        )
    return settings
