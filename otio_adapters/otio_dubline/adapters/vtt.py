"""OTIO adapter `dubline_vtt`: WebVTT files as subtitle tracks and back."""

from otio_dubline.subtitle_files import from_text, read, to_text, write


def read_from_file(filepath, rate="25", language="", speakers="mixed", encoding=""):  # type: ignore[no-untyped-def]
    """A .vtt file -> timeline."""
    return read(filepath, "vtt", rate, language, speakers, encoding)


def read_from_string(input_str, rate="25", language="", speakers="mixed"):  # type: ignore[no-untyped-def]
    """WebVTT text -> timeline."""
    return from_text(input_str, "vtt", rate, language, speakers)


def write_to_string(input_otio, track="", language=""):  # type: ignore[no-untyped-def]
    """Subtitle tracks of a timeline -> WebVTT text."""
    return to_text(input_otio, "vtt", track, language)


def write_to_file(input_otio, filepath, track="", language="", speakers="mixed"):  # type: ignore[no-untyped-def]
    """Subtitle tracks of a timeline -> a .vtt file, or with speakers=apart one for each."""
    return write(input_otio, filepath, "vtt", track, language, speakers)
