"""The simulated Resolve as a whole, and what a test may ask of it."""

import os
import random
from collections import Counter, namedtuple
from fractions import Fraction

from resolve_simulator.documented import CONSTANTS, TABLES
from resolve_simulator.media import Facts, facts_from, read_srt, read_wav
from resolve_simulator.profiles import Faults, Profile, profile
from resolve_simulator.project import MediaStorage, ProjectManager, Resolve
from resolve_simulator.scenes import describe
from resolve_simulator.surface import Constant, Handle, ResolveCrashed, methods_of
from resolve_simulator.window import Bmd, Fusion

# What one audio item makes heard. Times in seconds as Fractions: ``start`` from the timeline's start,
# ``source`` from the file's first sample. ``channels``: as many as the file has and the track lets through.
Heard = namedtuple("Heard", "path track name start source length channels gain fades")
Shown = namedtuple(
    "Shown", "track name enabled cues"
)  # cues: [(first frame, end frame, text)] from the start

# 1.9 and 4: a dialog that nobody answers; these words of the interface are not English.
WORDS = {
    "de": {"Audio": "Audio", "Video": "Video", "Video + Audio": "Video + Audio", "Subtitle": "Untertitel"},
    "ja": {
        "Audio": "オーディオ",
        "Video": "ビデオ",
        "Video + Audio": "ビデオ + オーディオ",
        "Subtitle": "字幕",
    },
}


class Simulator:
    """One running Resolve with one open project.

    ``media``: table of facts by path, for files that are neither WAV nor SRT (see ``media.facts_from``).
    ``prober``: function of a path that answers Facts or None; asked after the table and the WAV reader.
    """

    def __init__(self, profile_name="studio-20.2", project="Film", rate="24", media=None, prober=None):
        self.profile = profile_name if isinstance(profile_name, Profile) else profile(profile_name)
        self.faults = Faults()
        self.prober = prober
        self.renderer = None  # function(timeline, first, last, path) that writes what a render writes
        self.calls = Counter()  # by "Class.Method"
        self.order = []  # the same, one after the other
        self.violations = []  # (rule, text): what no script may do
        self.unknown = []  # names that were asked for and do not exist
        self.stale = []  # calls through stale handles
        self.dropped = []  # (timeline, name, frame): clips and cues lost without a word
        self.saves = 0
        self.modal = False
        self.dead = ""
        self.page = "edit"
        self._numbers = random.Random(7)
        self._tables = {kind: methods_of(table, self.profile) for kind, table in TABLES.items()}
        self._constants = {name: Constant(name) for name in CONSTANTS}
        self._media = {path: facts_from(entry) for path, entry in (media or {}).items()}
        self._cues = {}
        self.storage = MediaStorage(self)
        self.manager = ProjectManager(self)
        self._resolve = Resolve(self)
        self.fusion = Fusion(self)
        self.bmd = Bmd(self)
        self.ui = self.fusion.desk
        if project:
            made = self.manager.CreateProject(project)
            made.settings["timelineFrameRate"] = made.settings["timelinePlaybackFrameRate"] = rate

    # What scripts are given.

    @property
    def resolve(self):
        """The object scripts call ``resolve``; None where the edition hands out no Python (9.3)."""
        return Handle(self._resolve) if self.profile.python_host else None

    # What the objects ask.

    def new_uid(self):
        return f"{self._numbers.getrandbits(32):08x}-{self._numbers.getrandbits(16):04x}"

    def methods(self, kind):
        return self._tables[kind]

    def constant(self, kind, name):
        return self._constants.get(name) if kind == "Resolve" else None

    def begin(self, title):
        """Every call passes here: counted, and refused for good once Resolve has crashed."""
        if self.dead:
            raise ResolveCrashed(self.dead)
        self.calls[title] += 1
        self.order.append(title)
        if self.faults.crash_at.get(title) == self.calls[title]:
            self.dead = f"injected crash in {title}"
            raise ResolveCrashed(self.dead)
        if 0 < self.faults.crash_after <= len(self.order):
            self.dead = f"injected crash after {len(self.order)} calls"
            raise ResolveCrashed(self.dead)
        before = self.faults.before.get(title)
        if before is not None:
            before()

    def refuses(self, title):
        if self.faults.refuse.get(title, 0) > 0:
            self.faults.refuse[title] -= 1
            return True
        return False

    def flaky(self):
        if self.faults.delete_flaky > 0:
            self.faults.delete_flaky -= 1
            return True
        return False

    def violate(self, rule, text):
        self.violations.append((rule, text))

    def crash(self, rule, text):
        self.violate(rule, text)
        self.dead = text
        raise ResolveCrashed(text)

    def word(self, word):
        return WORDS.get(self.profile.language, {}).get(word, word)

    def facts(self, path):
        """Facts of a file, read when it is first imported; None for a file that is missing or unknown."""
        if not os.path.isfile(path):
            return None
        facts = self._media.get(path) or read_wav(path) or (self.prober and self.prober(path)) or None
        if facts is not None and not isinstance(facts, Facts):
            raise TypeError("the prober answers Facts or None")
        return facts

    def cues(self, path):
        """Cues of an SRT. Resolve keeps what it read first under a path (9.16)."""
        if path not in self._cues and os.path.isfile(path):
            self._cues[path] = read_srt(path)
        return self._cues.get(path)

    # What tests ask.

    def count(self, method):
        """Calls of a method, as "AddTrack" or "Timeline.AddTrack"."""
        return sum(n for title, n in self.calls.items() if method in (title, title.split(".")[1]))

    def check(self):
        """AssertionError when the script did what no script may do."""
        if self.violations or self.ui.failures:
            lines = [f"rule {rule}: {text}" for rule, text in self.violations]
            raise AssertionError("\n".join(lines + self.ui.failures))

    def dismiss_modal(self):
        self.modal = False

    @property
    def project(self):
        return self.manager.current

    def timeline(self, name=None):
        """The timeline itself, past the handles; without a name the current one. KeyError when missing."""
        timeline = self.project.timeline_named(name) if name else self.project.current
        if timeline is None:
            raise KeyError(name)
        return timeline

    def sound(self, name=None):
        """What a render would hear, as Heard in the order of tracks and times.

        Tracks and items that are off, offline clips, and items before the timeline's start make no
        sound (9.8). A file that is shorter than its item ends early.
        """
        timeline = self.timeline(name)
        heard = []
        for number, track in enumerate(timeline.tracks["audio"], 1):
            for item in sorted(track.items, key=lambda item: item.start):
                facts = item.media.facts if item.media is not None else None
                if not (track.enabled and item.enabled and facts and item.media.online):
                    continue
                if item.start < timeline.start:
                    continue
                start = (item.start - timeline.start) / timeline.rate.exact
                left = facts.samples / Fraction(facts.sample_rate) - item.source_start
                length = min(item.length / timeline.rate.exact, left)
                channels = min(facts.channels, track.channels)
                heard.append(
                    Heard(
                        item.media.path, number, track.name, start, item.source_start, length, channels,
                        item.gain, item.fades,
                    )
                )  # fmt: skip
        return heard

    def subtitles(self, name=None):
        """Every subtitle track as Shown, past the handles and past late visibility."""
        timeline = self.timeline(name)
        shown = []
        for number, track in enumerate(timeline.tracks["subtitle"], 1):
            cues = [(i.start - timeline.start, i.end - timeline.start, i.name) for i in track.items]
            shown.append(Shown(number, track.name, track.enabled, sorted(cues)))
        return shown

    def snapshot(self):
        """The open project as plain JSON values: compare before and after. Holds unique ids."""
        return describe(self)
