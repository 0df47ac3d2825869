"""Every option of `separate`, `transcribe`, `translate`, `dub` and `localize`: each stands here, and once.

An option of `FIELDS` fills the field of its name in the wishes that have one; `MIX` are levels of the dub;
`SETTINGS` are back-end options that have a name of their own. `dubline.cli.asking` puts them on commands.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from dubline.backends.choosing import names

AS_BEFORE = "as this run has it"


def option(
    text: str,
    *names: str,
    panel: str | None = None,
    common: bool = True,
    show_default: bool = False,
    **more: Any,
) -> Any:
    """An option of one command alone; what holds where it is left out is told by its text.

    `panel`: one of `dubline.cli.help.PANELS`. `common`: `--help` shows it too, not only `--help-all`.
    """
    return typer.Option(
        *names, help=text, show_default=show_default, rich_help_panel=panel, hidden=not common, **more
    )


def languages(text: str) -> Any:
    """The option --lang: languages by name or code, which the command gets as codes with commas."""

    def codes(asked: str) -> str:
        from dubline.values.languages import language_codes

        return ",".join(language_codes((asked,)))

    return option(text, "--lang", callback=codes, panel="What")


def argument(text: str, show_default: bool = False, **more: Any) -> Any:
    """An argument of a command."""
    return typer.Argument(help=text, show_default=show_default, **more)


class Option(NamedTuple):
    """An option as `--help` shows it; `names` empty: the field's own. `default`: what holds where it is left
    out; "" shows none. `common`: it is one of the few that `--help` shows."""

    kind: Any
    help: str
    names: tuple[str, ...] = ()
    default: str = ""
    panel: str | None = None
    least: int | None = None
    common: bool = False

    @property
    def text(self) -> str:
        """What it is for, and its default."""
        return f"{self.help} Default: {self.default}." if self.default else self.help

    def on(self, field: str, *further: str, rare: bool = False) -> Any:
        """The annotation of a command's parameter; `further` are more names for it. `rare`: here it is not
        common."""
        word = field.replace("_", "-")
        names = self.names or (f"--{word}/--no-{word}" if self.kind is bool else f"--{word}",)
        text = " ".join((self.text, *(f"Also {name}." for name in further)))
        common = (self.common and not rare) or bool(further)
        shown = option(text, *names, *further, panel=self.panel, common=common, min=self.least)
        return Annotated[self.kind | None, shown]


def _kept(kind: Any, help: str, *names: str, otherwise: str = "", **more: Any) -> Option:
    """An option of which the run keeps what was said, and `otherwise` where nobody ever said anything."""
    default = f"{AS_BEFORE}, else {otherwise}" if otherwise else AS_BEFORE
    return Option(kind, help, names, default, **more)


_who = partial(_kept, panel="Who does it")


def _back_end(kind: str, does: str, model: str, panel: str) -> dict[str, Option]:
    """The three options with which a back end of a kind is asked for."""
    return {
        kind: _kept(
            str,
            f"{does}: auto, or one of {', '.join(names(kind))}.",
            panel="Who does it",
            common=True,
            otherwise="auto",
        ),
        f"{kind}_model": _who(str, f"The {kind}'s model: {model}."),
        f"{kind}_options": _kept(
            list[str],
            f"Any other setting of the {kind}, NAME=VALUE; may be repeated. Lists are written as JSON.",
            f"--{kind}-option",
            panel=panel,
        ),
    }


_stems = partial(_kept, panel="Stems")
_words = partial(_kept, panel="Transcript")
_lines = partial(_kept, panel="Translation")
_dub = partial(_kept, panel="Dub")
_any = partial(_kept, panel="What")
_mix = partial(_kept, float, panel="Mix")

FIELDS: dict[str, Option] = {
    "content": _any(
        str,
        "What the sound is: dialogue, cinematic, music, or auto. Dialogue: voices, and the rest split by "
        "a film model if there is one, else by estimate. Cinematic: voices, then music and effects by a film "
        "model. Music: songs and concerts. Auto: listens to parts of the sound and decides by speech, music "
        "and what is heard under the speech.",
        otherwise="auto", common=True),
    "budget": _any(
        str,
        "low: a film shorter than 5 minutes is not separated; its dub lies over the film's own sound, turned "
        "down under each line. standard: the sound is always separated.",
        otherwise="standard",
    ),
    **_back_end("separator", "Who separates", "a name (`dubline models list`) or a path", "Stems"),
    "film_model": _stems(str, "The model for music and effects, by name or path.", otherwise="the best here"),
    "background": _stems(
        str,
        "residual: the bed is source minus voices, and nulls. sum: the model's own other sources as music, "
        "what is left over in sfx.",
        otherwise="residual",
    ),
    "lines": _stems(
        Path, "When somebody speaks: .srt, .rttm or transcript .json. Helps a separator without weights."
    ),
    "depth": _stems(
        str, "24, float, or auto: 24 bit unless the source goes over full scale.", otherwise="auto"
    ),
    "ambient": _stems(
        bool,
        "Estimate ambience in the effects; without a film model, music and effects too.",
        otherwise="yes",
    ),
    "language": _any(
        str,
        "What is spoken: Turkish, tr, ... Naming it is safer than letting it be detected.",
        "--language",
        "--from",
        otherwise="detected", common=True),
    "turns_from": _words(
        str,
        "The sound in which who speaks is heard. deepfilternet: the voice that DeepFilterNet finds in it. "
        "mix: the sound as it is. vocals: the separated voices. auto: what measures best "
        "(docs/recognition.md).",
        otherwise="auto",
    ),
    "words_from": _words(
        str, "The sound in which the words are heard: as for --turns-from.", otherwise="auto"
    ),
    "on": Option(str, "Both at once: --turns-from and --words-from.", panel="Transcript"),
    "text": _any(
        Path,
        "The text, where you have it: .srt, .vtt or .json with times, or .txt with a line a cue; or a "
        "subtitle stream of the film, embedded:eng (or :0, from 0). It is kept to the letter, one segment a "
        "cue; only a .txt needs a recognizer.",
        common=True,
    ),
    "text_encoding": _words(str, "The text's encoding if not UTF-8: cp1254, ..."),
    "text_offset": _words(
        float, "Seconds added to the text's times: -3600 for a text from 01:00:00:00.", otherwise="0"
    ),
    "turns": _words(Path, "Who speaks when, as an .rttm: nobody needs to be told apart by voice then."),
    "refine": _words(bool, "Move the text's times to where the sound begins and ends.", otherwise="no"),
    **_back_end("recognizer", "Who finds the words", "a name or a folder", "Transcript"),
    **_back_end("diarizer", "Who tells the speakers apart", "a name or a folder", "Transcript"),
    "speakers": _any(int, "How many people speak.", least=1, otherwise="estimated", common=True),
    "min_speakers": _words(int, "At least so many people speak.", least=1),
    "max_speakers": _words(int, "At most so many people speak.", least=1),
    "speakers_from_tracks": _words(
        bool,
        "Every speaker has a microphone: the audio tracks of a video, or the channels of a sound. Nothing is "
        "separated or diarized; what one microphone hears of another is left out.",
        otherwise="no",
    ),
    "microphones": _words(
        str, "Which tracks or channels are microphones, from 1: 3-8.", otherwise="all"
    ),
    "subtitles": _words(bool, "Cut segments so that each fits 2 lines of 42 characters.", otherwise="no"),
    "to": Option(list[str], "The language: English, en, pt-BR, ...; several with commas, or say it again.",
        panel="What", common=True),
    "source": _any(str, "The language of the film.", "--from", otherwise="the transcript's"),
    **_back_end("translator", "Who translates", "a name or a folder", "Translation"),
    "synopsis": _lines(Path, "A text file that tells what happens, for a translator that reads it."),
    "candidates": _lines(
        int, "How many translations of a line to choose from.", least=1, otherwise="the translator's own"
    ),
    "again": _lines(bool, "Ask a second time for lines that do not fit their time.", otherwise="yes"),
    "rate": _lines(
        str, "Frames a second, for the gap before the next cue: 23.976, 25 ...", otherwise="25"
    ),
    "voice_pace": _lines(
        bool, "Where the run has a dub already, choose lines by the pace of its voices.", otherwise="no"
    ),
    **_back_end("voice", "Who speaks", "a name, a file or a folder", "Dub"),
    "voice": _who(
        str,
        "Who speaks: auto, or one that `dubline backends` lists. For `translate` BACKEND or "
        "BACKEND:VOICE, which speaks each line beforehand: they are chosen by how long that really takes.",
        common=True),
    "like": _dub(Path, "Another run folder: people of the same name get the voice they have there."),
    "rights": Option(
        bool,
        "Confirm that you have the right to clone these voices. Asked for once a run.",
        ("--i-have-the-voice-rights",),
        panel="Dub", common=True),
    "takes_only": Option(bool, "Speak the lines, without a mix.", ("--takes-only",), panel="Dub"),
    "mux": _any(bool, "Also write the film with both languages, picture untouched.",
        otherwise="no; in localize yes", common=True),
    "glossary": _kept(
        Path,
        "Names and terms: a CSV or TSV with source, target, note. A recognizer expects them, a translator "
        "keeps to them.", panel="What", common=True),
    "cast": _kept(
        Path,
        "A cast.toml: who the speakers are, and who dubs them. Clips of voices name the speakers; gender and "
        "register help a translator.", panel="What", common=True),
    "only": Option(str, "Only these lines again: 17,23-40. All others stay.",
        panel="How", common=True),
    "retry_failed": Option(bool, "Try failed lines again.", ("--retry-failed",),
        panel="How", common=True),
    "forget": Option(bool, "Start over: forget what this run was asked before.", ("--forget",),
        panel="How", common=True),
}  # fmt: skip

MIX: dict[str, tuple[str, Option]] = {
    "voice_volume": ("voice_volume", _mix("Level of the dub, a factor.", otherwise="1.0")),
    "bg_volume": ("bg_volume", _mix("Music, sfx and ambient together.", otherwise="0.7", common=True)),
    "music_volume": ("music", _mix("Music by itself.", "--music-volume", "--music", otherwise="1.0")),
    "sfx_volume": ("sfx", _mix("Effects by themselves.", "--sfx-volume", "--sfx", otherwise="1.0")),
    "ambient_volume": ("ambient", _mix("Ambience by itself.", otherwise="1.0")),
    "original_volume": (
        "original_volume",
        _mix("The actors' own voices, for a voice-over.", otherwise="0"),
    ),
    "duck": (
        "duck_db",
        _mix(
            "How far everything else is turned down while the dub speaks, in dB.", otherwise="0", common=True
        ),
    ),
    "duck_attack": ("duck_attack", _mix("Seconds to go down.", otherwise="0.15")),
    "duck_release": ("duck_release", _mix("Seconds to come back.", otherwise="0.4")),
    "loudness": (
        "target",
        _kept(
            str,
            "ebu-r128, atsc-a85, netflix, streaming-14, streaming-16 or off.",
            otherwise="ebu-r128",
            panel="Mix",
            common=True,
        ),
    ),
    "reverb": (
        "reverb",
        _kept(str, "off, or room: as the actors' rooms sound.", otherwise="off", panel="Mix"),
    ),
}
"""Option -> the field of `MixJob` and how it is shown."""

SETTINGS: dict[str, tuple[str, str, Option]] = {
    "overlap": ("separator", "overlap", _stems(float, "Share of a chunk that the next repeats.")),
    "shifts": (
        "separator",
        "shifts",
        _stems(int, "Hear the sound this often with small delays and average.", least=0),
    ),
    "precision": (
        "separator",
        "precision",
        _stems(
            str,
            "auto, fp32, bf16, fp16. auto: bf16 where the hardware has it and a trial chunk agrees with fp32 "
            "to 40 dB.",
        ),
    ),
    "server": (
        "translator",
        "server",
        _lines(str, "Where a server of yours listens that translates, such as http://localhost:11434/v1."),
    ),
    "voice_command": (
        "voice",
        "command",
        _dub(str, "Your own program: 'say -f {text_file} -o {wav} -v {voice} -r {words}'."),
    ),
    "voice_address": (
        "voice",
        "address",
        _dub(
            str,
            "Your own service: http://localhost:5002/api/tts?voice={voice}&speed={rate}; the text is posted "
            "to it.",
        ),
    ),
}
"""Option -> the kind of back end, the name of its option, and how it is shown."""

OUT = Option(
    Path, "The run folder.", ("--out", "-o"), "beside the media, NAME.dubline", panel="Where", common=True
)
TRACK = Option(
    str,
    "Which audio track of a video: number from 0, or language.",
    default=f"{AS_BEFORE}, else the film's default track",
    panel="Where",
    common=True,
)
JOB = Option(
    Path,
    "Settings from a file, job.toml (docs/job.md). Options on the command line win.",
    panel="Where",
    common=True,
)
DEVICE = Option(
    str,
    "Where to compute: auto, cpu, cuda, cuda:1, or mps on a Mac.",
    default="auto",
    panel="How",
    common=True,
)
THREADS = Option(
    int, "How many CPU threads to use.", default="physical cores less one", panel="How", least=1, common=True
)
VERBOSE = Option(
    bool,
    "Show everything that goes to the log, such as checksums and notes.",
    ("--verbose",),
    panel="How",
    common=True,
)
