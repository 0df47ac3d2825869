"""How the window says things: stages, times, sentences."""

STAGES = {
    "clock": "Looking at the timeline",
    "timeline_sound": "Building the timeline's sound",
    "extract_sound": "Reading the sound",
    "separate": "Separating",
    "diarize": "Finding the speakers",
    "recognize": "Recognising the words",
    "tone": "Listening to the tone",
    "cast": "Comparing with the cast",
    "translate": "Translating",
}


def stage_label(stage: str) -> str:
    """A step of the engine, as the window names it."""
    return STAGES.get(stage, stage.replace("_", " ").capitalize())


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
