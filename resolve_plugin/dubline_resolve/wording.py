"""How the window says things: stages, times, sentences."""

from typing import Any, Dict, Optional, Tuple

STAGES = {
    "timeline": "Building the timeline's sound",
    "extract": "Reading the sound",
    "separate": "Separating",
    "diarize": "Finding the speakers",
    "recognize": "Recognising the words",
    "tone": "Listening to the tone",
    "cast": "Comparing with the cast",
    "translate": "Translating",
    "pitch": "Listening to the voices",
    "pace": "Hearing how long the voice takes",
    "references": "Cutting samples of the voices",
    "speak": "Speaking the dub",
    "remix": "Mixing",
}


def spoken_time(seconds: float) -> str:
    """Seconds as a person says them: "40 s", "12 min", "1 h 05 min"."""
    whole = round(seconds)
    if whole < 90:
        return "{} s".format(max(whole, 1))
    minutes = round(whole / 60.0)
    return "{} min".format(minutes) if minutes < 60 else "{} h {:02d} min".format(*divmod(minutes, 60))


def sentence(text: str) -> str:
    """A message as a sentence."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def outcome(summary: Dict[str, Any]) -> str:
    """What a job has made, as the engine sums it up."""
    parts = []
    if summary.get("stems"):
        parts.append("{} stems".format(len(summary["stems"])))
    if "segments" in summary:
        parts.append("{} lines".format(summary["segments"]))
    if summary.get("speakers"):
        parts.append("{} speakers".format(len(summary["speakers"])))
    parts += ["translated into {}".format(one["language"]) for one in summary.get("translations", ())]
    parts += ["dubbed in {}".format(one["language"]) for one in summary.get("dubs", ())]
    return "Ready: {}.".format(", ".join(parts) or "the results are in the folder")


def engine_progress(event: Dict[str, Any]) -> Tuple[str, Optional[float]]:
    """What a progress event of the engine says, and how much of it is done (0 to 1; None: not known)."""
    done, total, left = event.get("done", 0), event.get("total", 0), event.get("left")
    stage = str(event.get("stage", ""))
    text, part = _with_part(STAGES.get(stage, stage.replace("_", " ").capitalize()), done, total)
    return text + (", {} left".format(spoken_time(left)) if left is not None else ""), part


def step_progress(text: str, done: int, total: int) -> Tuple[str, Optional[float]]:
    """As `engine_progress`, of a step in Resolve."""
    return _with_part(sentence(text).rstrip("."), done, total)


def _with_part(text: str, done: float, total: float) -> Tuple[str, Optional[float]]:
    if not total:
        return text, None
    part = min(max(done / total, 0.0), 1.0)
    return "{}: {:.0f} %".format(text, 100 * part), part
