"""Subtitles that were edited in the host, back into the run."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from dubline.errors import InvalidJob
from dubline.files import full_disk_is_told, write_whole
from dubline.programme.resolve_plan import clock_of
from dubline.serve.requests import HostCue, Subtitles
from dubline.subtitles.cues import SubtitleText
from dubline.subtitles.srt import write_srt
from dubline.timebase import frame_rate
from dubline.values.json_files import kept_json
from dubline.values.layout import Layout
from dubline.values.resolve import Plan
from dubline.values.transcript import milliseconds


def take_back(request: Subtitles) -> dict[str, Any]:
    """Compare the host's cues with what was sent, and take over what a person changed (not in a dry run).

    The cues are kept as RUN/resolve/returned-LANGUAGE-*.srt. Lines of the run stay where they are in time,
    and none is emptied: moved and missing cues are told.

    Raises:
        InvalidJob: no cues, times that are none, or what `import_subtitles` refuses.
        StorageFull.
    """
    from dubline.exchange import import_subtitles

    root = Path(request.folder)
    if not root.is_dir():
        raise InvalidJob(f"there is no run in {root}", hint="Give the folder, such as EPISODE.dubline.")
    if not request.cues:
        raise InvalidJob("there are no subtitles on these tracks", hint="Choose tracks with subtitles.")
    first = _first_second(root)
    stamp = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:6]}"
    path = Layout(root).resolve / f"returned-{_plain(request.language)}-{stamp}.srt"
    with full_disk_is_told(root):
        path.parent.mkdir(exist_ok=True)
        write_whole(path, write_srt(_cues(request.cues, first)).encode())
    try:
        done = import_subtitles(root, path, language=request.language, dry_run=request.dry_run)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if request.dry_run:
        path.unlink(missing_ok=True)
    found = done.comparison
    return {
        "language": done.language,
        "cues": done.cues,
        "unchanged": found.unchanged,
        "kinds": Counter(change.kind for change in found.changes),
        "changes": [str(change) for change in found.changes],
        "notes": list(done.notes),
        "files": [file.as_posix() for file in done.files],
        "dry_run": request.dry_run,
    }


def _first_second(root: Path) -> float:
    """Where on the timeline the run's sound begins; by the plan's rate, where the run was made for a file."""
    clock = clock_of(root)
    if not clock.first:
        return 0.0
    rate = clock.rate
    if not rate:
        plan = kept_json(Layout(root).resolve / "plan.json", Plan)
        if plan is None:
            raise InvalidJob(
                "it is not known where on the timeline this run lies", hint="Place the run's results first."
            )
        rate = plan.timeline.rate
    return float(clock.first / frame_rate(rate))


def _cues(cues: tuple[HostCue, ...], first: float) -> list[SubtitleText]:
    """The host's cues on the clock of the run's sound, `first` seconds after the timeline's, in order."""
    made: list[SubtitleText] = []
    for cue in sorted(cues, key=lambda c: (c.start, c.end)):
        start, end = cue.start - first, cue.end - first
        if not -60 < start < end < 1e6:
            raise InvalidJob(
                f"the subtitle {cue.text[:40]!r} lasts from {cue.start} s to {cue.end} s",
                hint="Times are seconds from the start of the timeline; is it the run of this timeline?",
            )
        made.append(
            SubtitleText(
                index=len(made) + 1,
                start_ms=max(milliseconds(start), 0),
                end_ms=max(milliseconds(end), 0),
                text=cue.text,
                speaker=cue.name,
            )
        )
    return made


def _plain(language: str) -> str:
    return "".join(c for c in language if c.isalnum() or c == "-")[:20] or "und"
