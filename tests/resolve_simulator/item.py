"""An item on a track: clip or cue (1.8; section 9, rules 8 and 15)."""

from fractions import Fraction

from resolve_simulator.markers import Coloured

TRANSFORM = {"Pan": 0.0, "Tilt": 0.0, "ZoomX": 1.0, "ZoomY": 1.0, "RotationAngle": 0.0, "Opacity": 100.0}


class TimelineItem(Coloured):
    kind = "TimelineItem"

    def __init__(self, world, timeline, track, sort, start, length):
        super().__init__(world)
        self.timeline = timeline
        self.track = track
        self.sort = sort  # "video", "audio", "subtitle"
        self.start = start  # absolute frame
        self.length = length
        self.name = ""
        self.media = None
        self.origin = None  # the subtitle file a cue came from
        self.source_start = Fraction(0)  # seconds into the file
        self.source_frame = 0
        self.enabled = True
        self.linked = []
        self.gain = None  # decibels, or {frame from the item's start: decibels}
        self.fades = (0, 0)
        self.unsaved = False
        self.hidden = 0
        self.gone = False

    @property
    def end(self):
        return self.start + self.length

    def alive(self):
        return self.timeline.alive() and not self.gone

    def session(self):
        return self.timeline.session()

    def seen(self):
        """False for the polls that a late item needs before it shows (9.13)."""
        if self.hidden > 0:
            self.hidden -= 1
            return False
        return True

    def GetName(self):
        return self.name

    def SetName(self, name):
        if self.sort == "subtitle":
            return False  # 9.15
        self.name = str(name)
        return True

    def _number(self, value, precise):
        return float(value) if precise else int(value)

    def GetStart(self, precise=False):
        return self._number(self.start, precise)

    def GetEnd(self, precise=False):
        return self._number(self.end, precise)  # 9.6: exclusive

    def GetDuration(self, precise=False):
        return self._number(self.length, precise)

    def GetLeftOffset(self, precise=False):
        return self._number(self.source_start * self.timeline.rate.exact, precise)

    def GetRightOffset(self, precise=False):
        if self.media is None or self.media.facts is None:
            return self._number(0, precise)
        whole = Fraction(self.media.frames) / self.media.exact_fps * self.timeline.rate.exact
        return self._number(whole - self.GetLeftOffset(True) - self.length, precise)

    def GetSourceStartFrame(self):
        return self.source_frame

    def GetSourceEndFrame(self):
        if self.media is None:
            return self.length
        return self.source_frame + int(self.length / self.timeline.rate.exact * self.media.exact_fps)

    def GetSourceStartTime(self):
        """1.9: on the file's own timecode, not from its first sample."""
        own = self.media.facts.start if self.media is not None and self.media.facts else 0
        return float(own + self.source_start)

    def GetSourceEndTime(self):
        return self.GetSourceStartTime() + float(self.length / self.timeline.rate.exact)

    def GetMediaPoolItem(self):
        return self.media  # 9.15: None for cues

    def GetProperty(self, key=None):
        table = {} if self.sort == "audio" else TRANSFORM  # 1.8
        return dict(table) if key in (None, "") else table.get(key)

    def SetProperty(self, key, value):
        return self.sort == "video" and key in TRANSFORM

    def GetClipEnabled(self):
        return self.enabled

    def SetClipEnabled(self, enabled):
        if not isinstance(enabled, bool):
            return False
        self.enabled = enabled
        return True

    def GetLinkedItems(self):
        return [item for item in self.linked if not item.gone]

    def GetTrackTypeAndIndex(self):
        return [self.sort, self.timeline.tracks[self.sort].index(self.track) + 1]

    def GetSourceAudioChannelMapping(self):
        return self.media.GetAudioMapping() if self.media is not None and self.sort == "audio" else ""

    def GetFusionCompCount(self):
        return 0

    def GetVoiceIsolationState(self):
        return {"isEnabled": False, "amount": 100}
