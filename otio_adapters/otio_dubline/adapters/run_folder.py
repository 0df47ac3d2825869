"""OTIO adapter `dubline`: a run folder, a transcript or a translation, read as a timeline."""

from otio_dubline.run_timeline import timeline_at


def read_from_file(filepath, rate=""):  # type: ignore[no-untyped-def]
    """A run folder (EPISODE.dubline), transcript.json or translated.json -> timeline."""
    return timeline_at(filepath, rate)
