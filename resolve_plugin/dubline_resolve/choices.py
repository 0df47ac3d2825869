"""What the window asks for, as plain values: the fields, the languages, and what is wrong with an answer.

The rule of all answers: what is left open is left out of the job, and then stays as the run has it. Which
back ends there are, the engine says.
"""

import json
import os
import re
import tempfile
from typing import Any, Dict, List, Tuple

from dubline_resolve.objects import Refused

LANGUAGES = (
    ("ar", "Arabic"), ("bg", "Bulgarian"), ("zh", "Chinese"), ("hr", "Croatian"), ("cs", "Czech"),
    ("da", "Danish"), ("nl", "Dutch"), ("en", "English"), ("et", "Estonian"), ("fi", "Finnish"),
    ("fr", "French"), ("de", "German"), ("el", "Greek"), ("he", "Hebrew"), ("hi", "Hindi"),
    ("hu", "Hungarian"), ("id", "Indonesian"), ("it", "Italian"), ("ja", "Japanese"), ("ko", "Korean"),
    ("lv", "Latvian"), ("lt", "Lithuanian"), ("no", "Norwegian"), ("fa", "Persian"), ("pl", "Polish"),
    ("pt", "Portuguese"), ("ro", "Romanian"), ("ru", "Russian"), ("sr", "Serbian"), ("sk", "Slovak"),
    ("sl", "Slovenian"), ("es", "Spanish"), ("sv", "Swedish"), ("th", "Thai"), ("tr", "Turkish"),
    ("uk", "Ukrainian"), ("vi", "Vietnamese"),
)  # fmt: skip
STEMS = (("vocals", "Voices"), ("music", "Music"), ("sfx", "Effects"), ("ambient", "Ambience"))
OPEN = ("", "As last time, else automatic")
AUTO = ("auto", "Automatic")
DETECT = ("auto", "Auto-detect")
DETECT_OPEN = ("", "As last time, else auto-detect")
CONTENTS = (
    OPEN,
    AUTO,
    ("dialogue", "Mostly dialogue"),
    ("music", "Mostly music"),
    ("cinematic", "Film mix: dialogue, music, effects"),
)
SUBTITLES = (
    ("per_speaker", "A track for each speaker"),
    ("mixed", "One track for all speakers"),
    ("none", "No subtitles"),
)
BEFORE = "before"
VOICES = (("", "No dub"), (BEFORE, OPEN[1]), AUTO)
BACKENDS = (
    ("separator", "Separate with"),
    ("recognizer", "Recognise words with"),
    ("diarizer", "Tell speakers apart with"),
    ("translator", "Translate with"),
    ("voice", "Dub with voice"),
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")

DEFAULTS: Dict[str, Any] = {
    "what": "timeline",
    "path": "",
    "source": "",
    "targets": "en",
    "content": "",
    "stems": [name for name, _ in STEMS],
    "subtitles": "per_speaker",
    "glossary": None,
    "separator": "",
    "recognizer": "",
    "diarizer": "",
    "translator": "",
    "voice": "",
    "dub": True,
    "takes": False,
    "markers": True,
    "mute": True,
    "copy": True,
    "folder": "",
}
KEPT = tuple(name for name in DEFAULTS if name not in ("what", "path", "folder"))
"""What a later window begins with; the rest belongs to one programme."""


class Field:
    """One element of the window. ``kind``: choice, text, check, file, folder."""

    def __init__(self, name: str, kind: str, label: str, options: Any = (), tip: str = "") -> None:
        self.name = name
        self.kind = kind
        self.label = label
        self.options = tuple(options)
        self.tip = tip


def window_fields(places: Tuple[Tuple[str, str], ...], answers: Dict[str, Any]) -> List[Field]:
    """The window's fields; ``places`` are what can be worked on, a file among them or Resolve's timeline."""
    files = "file" in [key for key, _ in places]
    backends = {kind: _backend_field(kind, label, answers[kind]) for kind, label in BACKENDS}
    fields = [Field("what", "choice", "Work on", places)]
    if files:
        fields.append(Field("path", "file", "File", tip="A video or a sound file."))
    fields += [
        Field(
            "source",
            "choice",
            "Spoken language",
            (DETECT_OPEN, DETECT, *LANGUAGES),
        ),
        Field(
            "targets",
            "text",
            "Translate into",
            tip="Languages with commas: English, de, Brazilian Portuguese.",
        ),
        Field("content", "choice", "Sound", CONTENTS),
    ]
    fields += [Field("stem:" + name, "check", label) for name, label in STEMS]
    fields += [
        backends["separator"],
        Field("subtitles", "choice", "Subtitles", SUBTITLES),
        backends["recognizer"],
        backends["diarizer"],
        Field("glossary", "file", "Glossary", tip="Names and terms, optional."),
        backends["translator"],
        backends["voice"],
        Field("markers", "check", "Markers where a line needs a look"),
    ]
    if not files:
        fields += [
            Field("dub", "check", "Dub: its mix on a track", tip="Where the run has one."),
            Field("takes", "check", "Dub: its takes, a clip a line", tip="A track for each speaker."),
            Field("mute", "check", "Mute the original sound", tip="Its tracks are muted, never deleted."),
            Field("copy", "check", "Copy the timeline before placing"),
        ]
    fields.append(Field("folder", "folder", "Results in", tip="What is finished there is not redone."))
    return fields


def _backend_field(kind: str, label: str, answer: str) -> Field:
    field = Field(kind, "choice", label, VOICES if kind == "voice" else (OPEN, AUTO))
    if answer not in _keys(field.options):
        field.options += ((answer, answer),)
    return field


def offer_backends(fields: List[Field], listing: List[Dict[str, Any]]) -> None:
    """Offer the back ends that the engine lists, after what is there already: nothing moves in an open list.

    Those that need something of the user's own, such as a program or the right to clone a voice, are the
    commands'.
    """
    for field in fields:
        for one in sorted(listing, key=lambda one: not one["installed"]):
            if one["kind"] == field.name and one["name"] not in _keys(field.options) and not one["own_input"]:
                label = one["name"] if one["installed"] else one["name"] + " (not installed)"
                field.options += ((one["name"], label),)


def backend_remarks(kind: str, name: str, listing: List[Dict[str, Any]]) -> List[str]:
    """What is to be said on a back end that is chosen: what it lacks, or what it costs."""
    for one in listing:
        if (one["kind"], one["name"]) == (kind, name) and not one["installed"]:
            lack = "{} is not installed: {} is missing.".format(name, ", ".join(one["missing"]))
            return [lack + (" To get it: {}".format(one["remedy"]) if one["remedy"] else "")]
        if (one["kind"], one["name"]) == (kind, name) and one["cost"]:
            return ["{}: {}.".format(name, one["cost"])]
    return []


def language_code(word: str) -> str:
    """A language of the window's list by its code, any other as it is written: the engine knows them all."""
    plain = word.strip()
    for code, name in LANGUAGES:
        if plain.lower() in (code, name.lower()):
            return code
    return plain


def language_codes(text: str) -> List[str]:
    """Languages with commas between them, each once."""
    codes: List[str] = []
    for word in re.split(r"[,;]", text):
        if word.strip() and language_code(word) not in codes:
            codes.append(language_code(word))
    return codes


def safe_name(text: str) -> str:
    """A title as a file name that every system takes: at most 60 characters, never empty."""
    plain = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', " ", text)
    plain = " ".join(plain.split())[:60].strip(" .")
    if re.match(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", plain.lower()):
        plain = "_" + plain
    return plain or "Untitled"


def job_of(answers: Dict[str, Any], media: Dict[str, Any]) -> Dict[str, Any]:
    """The engine's job for what was answered. Refused where an answer cannot be used."""
    targets = language_codes(answers["targets"])
    source, voice = answers["source"], answers["voice"]
    stems = bool(answers["stems"] or voice)  # a dub lies over them
    subtitles = answers["subtitles"] != "none"
    if not (targets or stems or subtitles):
        raise Refused("There is nothing to do.", "Choose stems, subtitles, or a language to translate into.")
    if source and source in targets:
        raise Refused(
            "The programme is to be translated from {0} into {0}.".format(source),
            "Take it out of the languages to translate into.",
        )
    if voice and not targets:
        raise Refused(
            "A dub needs a language to be spoken.",
            "Write it into {!r}, or choose no dub.".format("Translate into"),
        )
    speech = _answered(answers, "recognizer", "diarizer")
    translation = dict(_answered(answers, "translator"), to=targets)
    if source:
        speech["language"] = "" if source == "auto" else source
    if answers["glossary"] is not None:  # emptied by hand: none, whatever the run has
        glossary = answers["glossary"].strip()
        if glossary and not os.path.isfile(glossary):
            raise Refused("There is no glossary {}.".format(glossary), "Choose it again, or empty the field.")
        speech["glossary"] = translation["glossary"] = glossary
    return {
        "media": media,
        "separate": _answered(answers, "content", "separator") if stems else None,
        "transcribe": speech if subtitles or targets else None,
        "translate": translation if targets else None,
        "dub": ({} if voice == BEFORE else {"voice": voice}) if voice else None,
    }


def _answered(answers: Dict[str, Any], *names: str) -> Dict[str, Any]:
    """Those of the answers that are not left open."""
    return {name: answers[name] for name in names if answers[name]}


def want_of(answers: Dict[str, Any]) -> Dict[str, Any]:
    """What of a run is wanted on the timeline. The original stays audible where nothing replaces it."""
    want = {
        "stems": [name for name, _ in STEMS if name in answers["stems"]],
        "dub": answers["dub"],
        "languages": [],
        "subtitles": answers["subtitles"],
        "markers": answers["markers"],
        "mute_original": bool(answers["mute"] and (answers["stems"] or answers["dub"])),
    }
    if answers["takes"]:
        want["takes"] = True
    return want


def what_will_happen(answers: Dict[str, Any]) -> str:
    """What Start and Place will do to the timeline, as the window says it beforehand."""
    parts = [label.lower() for name, label in STEMS if name in answers["stems"]]
    parts += ["the dub"] * answers["dub"] + ["its takes"] * answers["takes"]
    tracks = {"per_speaker": "subtitles by speaker", "mixed": "subtitles", "none": ""}[answers["subtitles"]]
    parts += [part for part in (tracks, "markers" * answers["markers"]) if part]
    sentences = ["Placing adds {}.".format(", ".join(parts) or "nothing")]
    if want_of(answers)["mute_original"]:
        sentences.append("The original sound is switched off.")
    if answers["copy"]:
        sentences.append("A copy of the timeline is made first.")
    if answers["what"] == "mixdown":
        sentences.insert(0, "Start renders the mix on the Deliver page, and comes back.")
    return " ".join(sentences)


def read_answers(path: str) -> Dict[str, Any]:
    """The answers that were kept in a file, checked one by one; the usual ones for all others."""
    answers = dict(DEFAULTS, stems=list(DEFAULTS["stems"]))
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError, RecursionError):
        return answers
    for name in KEPT:
        usual = "" if DEFAULTS[name] is None else DEFAULTS[name]
        if isinstance(content, dict) and type(content.get(name)) is type(usual):
            answers[name] = content[name]
    allowed = {
        "source": ["", "auto", *(code for code, _ in LANGUAGES)],
        "content": _keys(CONTENTS),
        "subtitles": _keys(SUBTITLES),
    }
    for name, values in allowed.items():
        if answers[name] not in values:
            answers[name] = DEFAULTS[name]
    for kind, _ in BACKENDS:
        if not NAME.match(answers[kind]):
            answers[kind] = DEFAULTS[kind]
    if isinstance(content, dict) and "separator" not in content and answers["content"] == "auto":
        answers["content"] = ""  # an older window's word for what was left open
    answers["glossary"] = answers["glossary"] or None
    answers["stems"] = [name for name in _keys(STEMS) if name in answers["stems"]]
    return answers


def keep_answers(path: str, answers: Dict[str, Any]) -> None:
    """Keep them for the next window, whole or not at all. That they cannot be kept is no trouble."""
    try:
        handle, part = tempfile.mkstemp(dir=os.path.dirname(path), suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({name: answers[name] for name in KEPT}, file)
        os.replace(part, path)
    except OSError:
        pass


def _keys(pairs: Tuple[Tuple[str, str], ...]) -> List[str]:
    return [key for key, _ in pairs]
