"""Which Resolve is simulated: edition, version and what follows from them (section 9, rules 2, 3)."""


class Profile:
    """One Resolve. Switches may be changed on a copy: ``profile("studio-20.2", subtitle_append=False)``."""

    def __init__(self, name, studio, version):
        self.name = name
        self.studio = studio
        self.version = tuple(version)
        self.product = "DaVinci Resolve Studio" if studio else "DaVinci Resolve"  # 1.1
        # 9.9: exclusive on 20 and 21, inclusive before.
        self.end_frame = "exclusive" if self.version >= (20,) else "inclusive"
        # 9.14: a "21 beta" answered [None] and placed nothing.
        self.subtitle_append = True
        # 10: the rounding of cues at fractional rates is not settled.
        self.subtitle_rounding = "nearest"
        # 9.14: with several tracks enabled Resolve picks; nobody knows which.
        self.subtitle_pick = "first"
        # 9.17: not settled whether an imported timeline becomes the current one.
        self.import_switches = False
        # 9.7: markers' frame keys come back as floats on some builds.
        self.float_markers = self.version < (20,)
        # 10: whether a part of a frame at a WAV's end counts is not settled.
        self.wav_frames = "floor"
        # Not settled whether a new bin becomes the open one.
        self.bin_opens = False
        # 6: an old reader is said not to know the second clip schema.
        self.reads_clip_2 = True
        # 9.20: status words follow the language of the interface.
        self.language = "de"

    @property
    def python_host(self):
        """Free 21.1 and later list no Python script (0.1)."""
        return self.studio or self.version < (21, 1)

    @property
    def ui_manager(self):
        """UIManager is Studio only since 19.1 (0.2)."""
        return self.studio or self.version < (19, 1)

    def since(self, version):
        return self.version >= tuple(version)


PROFILES = {
    "studio-18.6": (True, (18, 6, 6)),
    "studio-19.1": (True, (19, 1, 3)),
    "studio-20.2": (True, (20, 2, 2)),
    "studio-21.0": (True, (21, 0, 4)),
    "studio-21.1": (True, (21, 1, 0)),
    "free-19.0": (False, (19, 0, 3)),
    "free-19.1": (False, (19, 1, 3)),
    "free-21.0": (False, (21, 0, 4)),
    "free-21.1": (False, (21, 1, 0)),
    "studio-21.0-beta": (True, (21, 0, 0)),
}


def profile(name, **switches):
    """The profile called ``name``, with its switches changed. ValueError for an unknown name or switch."""
    if name not in PROFILES:
        raise ValueError("no such profile: {}; there are {}".format(name, ", ".join(sorted(PROFILES))))
    made = Profile(name, *PROFILES[name])
    if name == "studio-21.0-beta":
        made.subtitle_append = False
    for switch, value in switches.items():
        if switch not in vars(made):
            raise ValueError(f"a profile has no switch {switch}")
        setattr(made, switch, value)
    return made


class Faults:
    """What goes wrong on purpose (9.13, 9.5, 9.20, 9.21). Each is off until a test sets it."""

    def __init__(self):
        self.append_returns_none = False  # 9.13: answers [None], yet the clips are there
        self.append_lost_at_save = False  # 9.13: answers items, which SaveProject drops
        self.visible_after = 0  # 9.13: GetItemListInTrack shows new items after so many calls
        self.settle = 0.0  # 3: a subtitle track is on or off for Resolve only so many seconds after the call
        self.append_refused = 0  # so many AppendToTimeline calls answer [] and place nothing
        self.stale_raises = False  # 9.5: a stale handle raises instead of answering None
        self.delete_flaky = 0  # 9.21: so many DeleteClips/DeleteProject calls answer False, nothing done
        self.render_polls = 3  # 9.20: a render takes so many polls
        self.render_fails = ""  # 9.20: the Error text of a render that fails
        self.job_list_lag = 1  # 9.20: GetRenderJobList misses a new job so many times
        self.crash_at = {}  # {"Timeline.AddTrack": 2}: Resolve dies at the second such call
        self.crash_after = 0  # 1.9: Resolve dies at this many calls; a loop over a big job gets there
        self.refuse = {}  # {"Timeline.SetTrackName": 1}: so many such calls answer their refusal
        self.before = {}  # {"Timeline.AddTrack": function of no arguments}: run just before the call
