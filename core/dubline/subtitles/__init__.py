"""Subtitles in and out: SubRip, WebVTT, ASS, TTML and CSV; checks of timed text, and what can be set right.

subtitles = read_subtitles(Path("EPISODE.tr.srt"))     # cues, encoding, problems with their lines
data = write_subtitles(subtitles.cues, "vtt")
for finding in check(subtitles.cues, PROFILES["netflix-tr"], rate): ...
"""

from dubline.subtitles.checks import Finding, check
from dubline.subtitles.cues import Block, Problem, Subtitles, SubtitleText, clock, frame_to_ms, ms_to_frame
from dubline.subtitles.decoding import Decoded, decode
from dubline.subtitles.fixing import Fixed, fix
from dubline.subtitles.profiles import PROFILES, Profile, read_profile
from dubline.subtitles.srt import read_srt, write_srt
from dubline.subtitles.vtt import read_vtt, write_vtt
from dubline.subtitles.writing import (
    FORMATS,
    bilingual,
    by_speaker,
    read_subtitles,
    with_speakers,
    write_subtitles,
)

__all__ = [
    "FORMATS",
    "PROFILES",
    "Block",
    "Decoded",
    "Finding",
    "Fixed",
    "Problem",
    "Profile",
    "SubtitleText",
    "Subtitles",
    "bilingual",
    "by_speaker",
    "check",
    "clock",
    "decode",
    "fix",
    "frame_to_ms",
    "ms_to_frame",
    "read_profile",
    "read_srt",
    "read_subtitles",
    "read_vtt",
    "with_speakers",
    "write_srt",
    "write_subtitles",
    "write_vtt",
]
