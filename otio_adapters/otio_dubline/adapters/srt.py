"""OTIO adapter `dubline_srt`: SubRip files as subtitle tracks and back."""

from otio_dubline.subtitle_files import from_text, read, to_text, write


def read_from_file(filepath, rate="25", language="", speakers="mixed", encoding=""):  # type: ignore[no-untyped-def]
    """An .srt file -> timeline."""
    return read(filepath, "srt", rate, language, speakers, encoding)


def read_from_string(input_str, rate="25", language="", speakers="mixed"):  # type: ignore[no-untyped-def]
    """SubRip text -> timeline."""
    return from_text(input_str, "srt", rate, language, speakers)


def write_to_string(input_otio, track="", language=""):  # type: ignore[no-untyped-def]
    """Subtitle tracks of a timeline -> SubRip text."""
    return to_text(input_otio, "srt", track, language)


def write_to_file(input_otio, filepath, track="", language="", speakers="mixed"):  # type: ignore[no-untyped-def]
    """Subtitle tracks of a timeline -> an .srt file, or with speakers=apart one for each."""
    return write(input_otio, filepath, "srt", track, language, speakers)
