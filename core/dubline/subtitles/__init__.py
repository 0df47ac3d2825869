"""Subtitles in and out: SubRip, WebVTT, ASS, TTML and CSV; checks of timed text, and what can be set right.

subtitles = read_subtitles(Path("EPISODE.tr.srt"))     # cues, encoding, problems with their lines
data = write_subtitles(subtitles.cues, "vtt")
for finding in check(subtitles.cues, PROFILES["netflix-tr"], rate): ...
"""

from dubline.subtitles.checks import check
from dubline.subtitles.profiles import PROFILES
from dubline.subtitles.writing import bilingual, by_speaker, read_subtitles, write_subtitles

__all__ = ["PROFILES", "bilingual", "by_speaker", "check", "read_subtitles", "write_subtitles"]
