"""What the window asks for, as plain values: the fields, the languages, and what is wrong with an answer."""

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
CONTENTS = (
    ("auto", "Find out"),
    ("dialogue", "Mostly dialogue"),
    ("music", "Mostly music"),
    ("cinematic", "Film mix: dialogue, music, effects"),
)
SUBTITLES = (
    ("per_speaker", "A track for each speaker"),
    ("mixed", "One track for all speakers"),
    ("none", "No subtitles"),
)
VOICES = (
    ("", "No dub"),
    ("auto", "The best that is installed"),
    ("espeak-ng", "eSpeak NG"),
    ("flite", "Flite"),
    ("piper", "Piper"),
    ("paddlespeech", "PaddleSpeech"),
)
"""Those that need nothing else to be said; voices by a program, and cloned ones, are the command's."""
CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")

DEFAULTS = {
    "what": "timeline",
    "path": "",
    "source": "",
    "targets": "en",
    "content": "auto",
    "stems": [name for name, _ in STEMS],
    "subtitles": "per_speaker",
    "glossary": "",
    "voice": "",
    "dub": True,
    "takes": False,
    "markers": True,
    "mute": True,
    "copy": True,
    "folder": "",
}
KEPT = (
    "source", "targets", "content", "stems", "subtitles", "glossary", "voice", "dub", "takes", "markers",
    "mute", "copy",
)  # fmt: skip
"""What a later window begins with; the rest belongs to one programme."""


class Field:
    """One element of the window. ``kind``: choice, text, check, file, folder."""

    def __init__(self, name: str, kind: str, label: str, options: Any = (), tip: str = "") -> None:
        self.name = name
        self.kind = kind
        self.label = label
        self.options = tuple(options)
        self.tip = tip


def window_fields(places: Tuple[Tuple[str, str], ...]) -> List[Field]:
    """The window's fields; ``places`` are what can be worked on, a file among them or Resolve's timeline."""
    files = "file" in [key for key, _ in places]
    fields = [Field("what", "choice", "Work on", places)]
    if files:
        fields.append(Field("path", "file", "File", tip="A video or a sound file."))
    fields += [
        Field("source", "choice", "Spoken language", (("", "Find out"), *LANGUAGES)),
        Field("targets", "text", "Translate into", tip="Languages with commas: English, de, pt-BR."),
        Field("content", "choice", "Sound", CONTENTS),
    ]
    fields += [Field("stem:" + name, "check", label) for name, label in STEMS]
    fields += [
        Field("subtitles", "choice", "Subtitles", SUBTITLES),
        Field("glossary", "file", "Glossary", tip="Names and terms, optional."),
        Field("voice", "choice", "Dub with voice", VOICES),
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


def language_code(word: str) -> str:
    """A language as a person writes it ("English", "en", "pt-BR") as its code. Refused if it is none."""
    plain = word.strip()
    for code, name in LANGUAGES:
        if plain.lower() in (code, name.lower()):
            return code
    head, dash, rest = plain.partition("-")
    if CODE.match(head.lower() + dash + rest):
        return head.lower() + dash + rest
    raise Refused(
        "answers",
        "{!r} is no language.".format(word.strip()),
        "Write a name or a code, such as English, en or pt-BR.",
    )


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
    source = answers["source"]
    stems = bool(answers["stems"])
    subtitles = answers["subtitles"] != "none"
    if not (targets or stems or subtitles):
        raise Refused(
            "answers", "Nothing is asked for.", "Choose stems, subtitles, or a language to translate into."
        )
    if source and source in targets:
        raise Refused(
            "answers",
            "The programme is to be translated from {0} into {0}.".format(source),
            "Take it out of the languages to translate into.",
        )
    if answers["voice"] and not targets:
        raise Refused(
            "answers",
            "A dub needs a language to be spoken.",
            "Write it into {!r}, or choose no dub.".format("Translate into"),
        )
    glossary = answers["glossary"].strip()
    if glossary and not os.path.isfile(glossary):
        raise Refused(
            "answers", "There is no glossary {}.".format(glossary), "Choose it again, or empty the field."
        )
    job = {
        "media": media,
        "source": source,
        "targets": targets,
        "content": answers["content"],
        "stems": stems or bool(answers["voice"]),  # a dub lies over them
        "subtitles": subtitles,
        "translate": bool(targets),
        "glossary": glossary or None,
    }
    if answers["voice"]:
        job["voice"] = answers["voice"]
    return job


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
    said = ["Placing adds {}.".format(", ".join(parts) or "nothing")]
    if want_of(answers)["mute_original"]:
        said.append("The original sound is switched off.")
    if answers["copy"]:
        said.append("A copy of the timeline is made first.")
    if answers["what"] == "mixdown":
        said.insert(0, "Start renders the mix on the Deliver page, and comes back.")
    return " ".join(said)


def read_answers(path: str) -> Dict[str, Any]:
    """The answers that were kept in a file, checked one by one; the usual ones for all others."""
    answers = dict(DEFAULTS, stems=list(DEFAULTS["stems"]))
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return answers
    for name in KEPT:
        if isinstance(found, dict) and type(found.get(name)) is type(DEFAULTS[name]):
            answers[name] = found[name]
    allowed = {
        "source": ["", *(code for code, _ in LANGUAGES)],
        "content": _keys(CONTENTS),
        "subtitles": _keys(SUBTITLES),
        "voice": _keys(VOICES),
    }
    for name, values in allowed.items():
        if answers[name] not in values:
            answers[name] = DEFAULTS[name]
    answers["stems"] = [name for name in _keys(STEMS) if name in answers["stems"]]
    return answers


def keep_answers(path: str, answers: Dict[str, Any]) -> None:
    """Keep them for the next window, whole or not at all. That they cannot be kept is no trouble."""
    try:
        handle, made = tempfile.mkstemp(dir=os.path.dirname(path), suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({name: answers[name] for name in KEPT}, file)
        os.replace(made, path)
    except OSError:
        pass


def _keys(pairs: Tuple[Tuple[str, str], ...]) -> List[str]:
    return [key for key, _ in pairs]
