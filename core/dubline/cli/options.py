"""Every option of the commands, once: what it is called, what it means, and which field of a wish it fills.

`command` gives a command the options of a group, and makes the wish of what was given. What is left out is
None there.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from dubline.cli.command import Fields, Group, option, settings, with_settings
from dubline.errors import InvalidJob

LISTED = "`dubline backends` lists them."
MODEL = "by name (`dubline models list`) or path."


Media = Annotated[
    Path,
    typer.Argument(
        help="A video, or a sound file. It is only read. Put -- before a name that begins with -.",
        show_default=False,
    ),
]
Out = option(Path | None, "The run folder. Default: beside the media, NAME.dubline.", "--out", "-o")
Track = option(str | None, "Which audio track of a video: number from 0, or language.")

SHARED: Fields = {
    "cast": option(
        Path | None,
        "A cast.toml: clips of voices that name the speakers, gender and register for the translation, who"
        " has which voice in the dub.",
    ),
    "glossary": option(
        Path | None,
        "Names and terms: the recognizer expects them, the translation keeps to them. CSV or TSV with "
        "source, target, note.",
    ),
    "only": option(str | None, "Only these lines again: 17,23-40. All others stay."),
    "retry_failed": option(bool | None, "Only lines that failed, again.", "--retry-failed"),
}


def _separate(given: Fields) -> Fields:
    more = {name: given.pop(name, None) for name in ("overlap", "shifts", "precision")}
    return with_settings(given, "separator", more)


SEPARATE = Group(
    "separate",
    {
        "content": option(
            str | None,
            "dialogue: voices and one bed, split by a film model if there is one. cinematic: voices, then "
            "music and effects by a film model. music: songs and concerts. auto: cinematic where a film "
            "model is in your models folder, else dialogue.",
        ),
        "separator": option(str | None, f"Who takes the sound apart, or auto. {LISTED}"),
        "separator_model": option(str | None, f"The separator's model, {MODEL}", "--separator-model"),
        "film_model": option(str | None, f"The model for music and effects, {MODEL}", "--film-model"),
        "background": option(
            str | None,
            "residual: the bed is source minus voices, and nulls. sum: the model's own other sources as "
            "music, what is left over in sfx. Default: residual.",
        ),
        "lines": option(
            Path | None,
            "When somebody speaks: .srt, .rttm or transcript .json. Helps a separator without weights.",
        ),
        "depth": option(
            str | None, "24, float, or auto: 24 bit unless the source goes over full scale. Default: auto."
        ),
        "ambient": option(
            bool | None, "Estimate ambience from the effects stem, where there is one. Default: yes."
        ),
        "precision": option(
            str | None,
            "auto, fp32, bf16, fp16, for models that know it. auto: bf16 where the hardware has it and a "
            "trial chunk agrees with fp32 to 40 dB.",
        ),
        "shifts": option(
            int | None,
            "Hear the sound this often with small delays and average, for models that do so.",
            min=0,
        ),
        "overlap": option(float | None, "Share of a chunk that the next repeats. Default: 0.25."),
        "separator_option": settings("separator"),
    },
    _separate,
    "separator_model",
)


def _transcribe(given: Fields) -> Fields:
    given = with_settings(given, "recognizer")
    return with_settings(given, "diarizer")


TRANSCRIBE = Group(
    "transcribe",
    {
        "language": option(
            str | None, "What is spoken: tr, en, ... Naming it is safer than letting it be detected."
        ),
        "text": option(
            Path | None,
            "What is said, as written: .srt, .vtt or .json with times, or .txt with a line a cue. It is "
            "kept to the letter, one segment a cue; only a .txt needs a recognizer.",
        ),
        "text_encoding": option(
            str | None, "The text's encoding if not UTF-8: cp1254, ...", "--text-encoding"
        ),
        "text_offset": option(
            float | None,
            "Seconds added to the text's times: -3600 for a text from 01:00:00:00.",
            "--text-offset",
        ),
        "refine": option(bool | None, "Move the text's times to where the sound begins and ends."),
        "recognizer": option(str | None, f"Who finds the words, or auto. {LISTED}"),
        "recognizer_model": option(str | None, f"The recognizer's model, {MODEL}", "--recognizer-model"),
        "recognizer_option": settings("recognizer"),
        "diarizer": option(str | None, f"Who finds the speakers, or auto. {LISTED}"),
        "diarizer_model": option(str | None, f"The diarizer's model, {MODEL}", "--diarizer-model"),
        "diarizer_option": settings("diarizer"),
        "speakers": option(int | None, "How many people speak. Default: estimated.", min=1),
        "min_speakers": option(int | None, "At least so many people speak.", "--min-speakers", min=1),
        "max_speakers": option(int | None, "At most so many people speak.", "--max-speakers", min=1),
        "cast": SHARED["cast"],
        "glossary": SHARED["glossary"],
        "speakers_from_tracks": option(
            bool | None,
            "Every speaker has a microphone: the audio tracks of a video, or the channels of a sound. "
            "Nothing is separated or diarized; what one microphone hears of another is left out.",
            "--speakers-from-tracks/--speakers-from-voices",
        ),
        "microphones": option(
            str | None, "Which tracks or channels are microphones, from 1: 3-8. Default: all."
        ),
        "on": option(
            str | None,
            "vocals: listen to the separated voices; where the run has none, they are separated first. "
            "mix: the sound as it is. Default: vocals.",
        ),
        "subtitles": option(bool | None, "Cut segments so that each fits 2 lines of 42 characters."),
    },
    _transcribe,
    "recognizer_model",
)


def _translate(given: Fields) -> Fields:
    given = with_settings(given, "translator", {"server": given.pop("server", None)})
    return with_settings(given, "voice")


TO = option(list[str] | None, "A language to translate into: en, tr, pt-BR ...; may be repeated.", "--to")
FROM = option(str | None, "The language of the film. Default: the transcript's.", "--from")
TRANSLATE = Group(
    "translate",
    {
        "to": TO,
        "source": FROM,
        "translator": option(str | None, f"Who translates, or auto. {LISTED}"),
        "translator_model": option(str | None, f"The translator's model, {MODEL}", "--translator-model"),
        "translator_option": settings("translator"),
        "server": option(
            str | None,
            "For a translator that asks a server: where it listens, such as http://localhost:11434/v1.",
        ),
        "glossary": SHARED["glossary"],
        "synopsis": option(
            Path | None, "A text file that tells what happens, for translators that can use it."
        ),
        "cast": SHARED["cast"],
        "only": SHARED["only"],
        "retry_failed": SHARED["retry_failed"],
        "candidates": option(int | None, "How many translations of a line to choose from.", min=1),
        "again": option(bool | None, "Ask a second time for lines that do not fit their time. Default: yes."),
        "rate": option(str | None, "Frames a second, for the gap before the next cue: 23.976, 25 ..."),
        "voice": option(
            str | None,
            "BACKEND or BACKEND:VOICE that will speak the lines. It speaks each once beforehand, and they "
            "are chosen by how long that really takes.",
        ),
        "voice_option": settings("voice"),
        "voice_pace": option(
            bool | None,
            "Where the run has a dub already, choose lines by the pace of its voices. Default: no.",
            "--voice-pace/--no-voice-pace",
        ),
    },
    _translate,
    "translator_model",
)

LEVELS = {
    "voice_volume": "Level of the dub, a factor. Default: 1.0.",
    "bg_volume": "Music, sfx and ambient together. Default: 0.7.",
    "music": "Music by itself. Default: 1.0.",
    "sfx": "Effects by themselves. Default: 1.0.",
    "ambient": "Ambience by itself. Default: 1.0.",
    "original_volume": "The actors' own voices, for a voice-over. Default: 0.",
    "duck": "How far all else goes down while the dub speaks, in dB. Default: 0.",
    "duck_attack": "Seconds to go down. Default: 0.15.",
    "duck_release": "Seconds to come back. Default: 0.4.",
}
MIX_NAMES = {"duck": "duck_db", "loudness": "target"}


def _dub(given: Fields) -> Fields:
    mix = {
        MIX_NAMES.get(name, name): value
        for name in (*LEVELS, "loudness", "reverb")
        if (value := given.pop(name, None)) is not None
    }
    line, address = given.pop("voice_command", None), given.pop("voice_address", None)
    more: Fields = {"address": address}
    if line is not None:
        try:
            more["command"] = shlex.split(line)
        except ValueError as error:
            raise InvalidJob(f"the voice's command: {error}", hint="Close its quotation marks.") from None
    if (line or address) and given.get("voice") is None:
        given["voice"] = "command"
    return with_settings({**given, "mix": mix or None}, "voice", more)


DUB = Group(
    "dub",
    {
        "to": option(list[str] | None, "Which translation. Default: all that have a text.", "--to"),
        "voice": option(str | None, f"Who speaks the dub, or auto. {LISTED}"),
        "voice_model": option(str | None, f"The voice's model, {MODEL}", "--voice-model"),
        "voice_command": option(
            str | None, "Your own program: 'say -f {text_file} -o {wav} -v {voice} -r {words}'."
        ),
        "voice_address": option(
            str | None,
            "Your own service: http://localhost:5002/api/tts?voice={voice}&speed={rate}; the text is "
            "posted to it.",
        ),
        "voice_option": settings("voice"),
        "cast": SHARED["cast"],
        "like": option(
            Path | None, "Another run folder: people of the same name get the voice they have there."
        ),
        "rights": option(
            bool | None,
            "Say that you may clone these voices. Asked for once a run, and kept in it.",
            "--i-have-the-voice-rights",
        ),
        "only": SHARED["only"],
        "retry_failed": SHARED["retry_failed"],
        "takes_only": option(bool | None, "Speak, and do not mix.", "--takes-only"),
        "mux": option(bool | None, "Also write the film with both languages, picture untouched."),
        **{name: option(float | None, text) for name, text in LEVELS.items()},
        "loudness": option(
            str | None,
            "ebu-r128, atsc-a85, netflix, streaming-14, streaming-16 or off. Default: ebu-r128.",
        ),
        "reverb": option(str | None, "off, or room: as the actors' rooms sound. Default: off."),
    },
    _dub,
    "voice_model",
)

MACHINE = Group(
    "machine",
    {
        "device": option(str | None, "auto, cpu, cuda, cuda:1, mps. Default: auto."),
        "threads": option(int | None, "CPU threads. Default: physical cores less one.", min=1),
        "batch": option(int | None, "Chunks at once. Default: by the GPU's free memory.", min=1),
    },
)
