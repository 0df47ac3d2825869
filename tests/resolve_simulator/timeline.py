"""A timeline and its tracks (1.5; section 9, rules 6, 7, 11 and 18)."""

import time

from resolve_simulator.item import TimelineItem
from resolve_simulator.markers import Marked
from resolve_simulator.otio_files import export_timeline
from resolve_simulator.rates import Rate
from resolve_simulator.surface import NotModelled, whole

SORTS = ("video", "audio", "subtitle")
SUB_TYPES = tuple(
    "mono stereo lrc lcr lrcs lcrs quad 5.0 5.0film 5.1 5.1film 7.0 7.0film 7.1 7.1film".split()
    + [f"adaptive{n}" for n in range(1, 37)]
)
CHANNELS = {
    "mono": 1, "stereo": 2, "lrc": 3, "lcr": 3, "lrcs": 4, "lcrs": 4, "quad": 4, "5.0": 5, "5.0film": 5,
    "5.1": 6, "5.1film": 6, "7.0": 7, "7.0film": 7, "7.1": 8, "7.1film": 8,
}  # fmt: skip


class Track:
    def __init__(self, sort, name, sub_type=""):
        self.sort = sort
        self.name = name
        self.sub_type = sub_type
        self.enabled = True
        self.locked = False
        self.items = []
        self.switched = (-1e9, True)  # when it was last switched on or off, and what it was before

    @property
    def channels(self):
        return CHANNELS.get(self.sub_type) or int(self.sub_type[len("adaptive") :] or 0)

    def takes_cues(self, settle):
        """True when Resolve would lay subtitles here: on, for ``settle`` seconds already, and unlocked."""
        at, before = self.switched
        return not self.locked and (self.enabled if time.monotonic() - at >= settle else before)

    def busy(self, start, end):
        return any(item.start < end and start < item.end for item in self.items)


class Timeline(Marked):
    kind = "Timeline"

    def __init__(self, world, project, name):
        super().__init__(world)
        self.project = project
        self.name = name
        self.rate = project.rate
        self.start = self.rate.hour  # 9.6
        self.settings = dict(project.settings)
        self.playhead = self.start
        self.marks = {}
        self.pool_item = None
        self.tracks = {sort: [] for sort in SORTS}
        self.add_track("video")
        self.add_track("audio", "stereo")  # 9.11: V1 and A1, no subtitle track

    def alive(self):
        return self.project.open and self in self.project.timelines

    def add_track(self, sort, sub_type="", at=None):
        word = {"video": "Video", "audio": "Audio", "subtitle": "Subtitle"}[sort]
        tracks = self.tracks[sort]
        track = Track(sort, f"{word} {len(tracks) + 1}", sub_type)
        tracks.insert(len(tracks) if at is None else at, track)
        return track

    def track(self, sort, index):
        """The track, counted from 1 (9.11); None out of range."""
        tracks = self.tracks.get(sort)
        if tracks is None or not whole(index) or not 1 <= index <= len(tracks):
            return None
        return tracks[int(index) - 1]

    def every_item(self):
        return [item for sort in SORTS for track in self.tracks[sort] for item in track.items]

    def drop(self, items):
        for item in items:
            item.gone = True
            item.track.items.remove(item)

    def forget_media(self, media):
        """The clip has left the pool: its items stay on the timeline, offline [K]."""
        for item in self.every_item():
            if item.media is media:
                item.media = None

    def GetName(self):
        return self.name

    def SetName(self, name):
        if not isinstance(name, str) or not name or self.project.timeline_named(name):
            return False
        self.name = self.pool_item.name = name
        return True

    def GetStartFrame(self):
        return self.start

    def GetEndFrame(self):
        """Behind the last item; items before the start do not count (9.6, 9.8)."""
        ends = [item.end for item in self.every_item() if item.start >= self.start]
        return max([*ends, self.start])

    def GetStartTimecode(self):
        return self.rate.timecode(self.start)

    def SetStartTimecode(self, timecode):
        try:
            start = self.rate.frame_of(timecode)
        except ValueError:
            return False
        for item in self.every_item():
            item.start += start - self.start
        self.playhead += start - self.start
        self.start = start
        return True

    def GetTrackCount(self, sort):
        return len(self.tracks.get(sort, ()))

    def AddTrack(self, sort, options=None):
        if sort not in SORTS:
            return False
        at, sub_type = None, options
        if isinstance(options, dict):
            sub_type = options.get("audioType", options.get("audiotype"))  # 1.5: both are written
            index = options.get("index")
            at = int(index) - 1 if whole(index) and 1 <= index <= len(self.tracks[sort]) else None
        if sort == "audio":
            sub_type = "mono" if sub_type in (None, "") else sub_type  # 9.11
            if sub_type not in SUB_TYPES:
                return False
        else:
            sub_type = ""
        self.add_track(sort, sub_type, at)
        return True

    def DeleteTrack(self, sort, index):
        track = self.track(sort, index)
        if track is None or (sort == "video" and len(self.tracks["video"]) == 1):
            return False
        self.drop(list(track.items))
        self.tracks[sort].remove(track)  # 9.11: the tracks above move down
        return True

    def GetTrackSubType(self, sort, index):
        track = self.track(sort, index)
        return track.sub_type if track else ""

    def GetTrackName(self, sort, index):
        track = self.track(sort, index)
        return track.name if track else None

    def SetTrackName(self, sort, index, name):
        track = self.track(sort, index)
        if track is None or not isinstance(name, str) or not name:
            return False
        track.name = name
        return True

    def _switch(self, sort, index, what, value):
        track = self.track(sort, index)
        if track is None or not isinstance(value, bool):
            return False
        if what == "enabled":
            track.switched = (time.monotonic(), track.enabled)
        setattr(track, what, value)
        return True

    def SetTrackEnable(self, sort, index, enabled):
        return self._switch(sort, index, "enabled", enabled)

    def GetIsTrackEnabled(self, sort, index):
        track = self.track(sort, index)
        return track.enabled if track else False

    def SetTrackLock(self, sort, index, locked):
        return self._switch(sort, index, "locked", locked)

    def GetIsTrackLocked(self, sort, index):
        track = self.track(sort, index)
        return track.locked if track else False

    def GetItemListInTrack(self, sort, index):
        track = self.track(sort, index)
        if track is None:
            return None  # 9.11
        return [item for item in sorted(track.items, key=lambda item: item.start) if item.seen()]

    def DeleteClips(self, items, ripple=False):
        """9.15 and 1.5: the Edit page only; linked sound stays."""
        if self.world.page != "edit" or self.world.flaky() or not isinstance(items, list) or not items:
            return False
        for item in items:
            if not isinstance(item, TimelineItem) or item.timeline is not self or item.gone:
                return False
            if item.track.locked:
                return False
        for item in items:
            self.drop([item])
            if ripple is True:
                for other in item.track.items:
                    if other.start >= item.end:
                        other.start -= item.length
        return True

    def SetClipsLinked(self, items, linked):
        for item in items:
            item.linked = [other for other in items if other is not item] if linked else []
        return True

    def GetSelectedClips(self):
        return []

    def GetCurrentTimecode(self):
        return self.rate.timecode(self.playhead)

    def SetCurrentTimecode(self, timecode):
        if self.world.page not in ("cut", "edit", "color", "fairlight", "deliver"):  # 1.5
            return False
        try:
            frame = self.rate.frame_of(timecode)
        except ValueError:
            return False
        if self is not self.project.current:
            return False
        self.playhead = frame
        return True

    def GetCurrentVideoItem(self):
        for track in reversed(self.tracks["video"]):
            for item in track.items:
                if track.enabled and item.start <= self.playhead < item.end:
                    return item
        return None

    def DuplicateTimeline(self, name=None):
        return self.project.copy_timeline(self, name or f"{self.name} copy")

    def ImportIntoTimeline(self, path, options=None):
        return False  # 1.5: AAF only, which nobody here writes

    def Export(self, path, export, sub_type=None):
        return export_timeline(self, path, export, sub_type)

    def GetSetting(self, key=""):
        settings = dict(self.settings)
        settings["timelineFrameRate"] = self.rate.text
        return settings if key in (None, "") else settings.get(key, "")

    def SetSetting(self, key, value):
        if key == "timelineFrameRate" and not self.every_item():
            try:
                rate = Rate(value)
            except ValueError:
                return False
            self.rate, self.start = rate, rate.hour
            return True
        if not isinstance(value, str) or key not in self.settings or key.endswith("FrameRate"):
            return False  # 9.19
        self.settings[key] = value
        return True

    def GetMediaPoolItem(self):
        return self.pool_item

    def GetMarkInOut(self):
        """9.7: from the timeline's start, the out frame included; unset keys are absent."""
        return {sort: dict(marks) for sort, marks in self.marks.items()}

    def SetMarkInOut(self, first, last, sort="all"):
        if (
            not whole(first)
            or not whole(last)
            or not 0 <= first <= last
            or sort not in ("all", "video", "audio")
        ):
            return False
        for one in ("video", "audio") if sort == "all" else (sort,):
            self.marks[one] = {"in": int(first), "out": int(last)}
        return True

    def ClearMarkInOut(self, sort="all"):
        for one in ("video", "audio") if sort == "all" else (sort,):
            self.marks.pop(one, None)
        return True

    def CreateSubtitlesFromAudio(self, settings=None):
        """9.4: enum constants only; plain words make nothing. A success is not played."""
        if settings is not None and any(isinstance(key, str) for key in settings):
            return False
        raise NotModelled("a transcription by Resolve")

    def GetVoiceIsolationState(self, index):
        return {"isEnabled": False, "amount": 100} if self.track("audio", index) else {}
