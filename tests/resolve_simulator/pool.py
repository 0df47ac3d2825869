"""The media pool: folders, items, import and deletion (1.4; section 9, rules 10 and 16)."""

import json
import os
from fractions import Fraction

from resolve_simulator.markers import Coloured
from resolve_simulator.media import is_subtitle, seconds
from resolve_simulator.otio_files import import_otio
from resolve_simulator.placing import append_clips, append_infos, append_subtitles
from resolve_simulator.surface import Thing, whole


class Folder(Thing):
    kind = "Folder"

    def __init__(self, world, project, name, parent=None):
        super().__init__(world)
        self.project = project
        self.name = name
        self.parent = parent
        self.folders = []
        self.items = []
        self.gone = False

    def alive(self):
        return self.project.open and not self.gone

    def every_item(self):
        items = list(self.items)
        for folder in self.folders:
            items += folder.every_item()
        return items

    def every_folder(self):
        folders = [self]
        for folder in self.folders:
            folders += folder.every_folder()
        return folders

    def GetClipList(self):
        return list(self.items)

    def GetName(self):
        return self.name

    def GetSubFolderList(self):
        return list(self.folders)

    def GetIsFolderStale(self):
        return False


class MediaPoolItem(Coloured):
    """A clip of the pool. A WAV takes the project's rate at import and keeps it (9.10)."""

    kind = "MediaPoolItem"

    def __init__(self, world, project, folder, name, sort):
        super().__init__(world)
        self.project = project
        self.folder = folder
        self.name = name
        self.sort = sort  # "Video", "Audio", "Video + Audio", "Subtitle", "Timeline"
        self.path = ""
        self.facts = None
        self.cues = None
        self.timeline = None
        self.fps = project.rate
        self.metadata = {}
        self.third = {}
        self.online = True
        self.gone = False

    def alive(self):
        return self.project.open and not self.gone

    @property
    def exact_fps(self):
        if self.facts is not None and self.facts.rate:
            return self.facts.rate
        return self.fps.exact

    @property
    def frames(self):
        """Length in frames at the item's own rate; a WAV's last part of a frame is cut (10)."""
        if self.facts is None:
            return 0
        if self.facts.rate:
            return self.facts.frames
        exact = seconds(self.facts) * self.exact_fps
        return exact.__ceil__() if self.world.profile.wav_frames == "ceil" else exact.__floor__()

    def GetName(self):
        return self.name

    def SetName(self, name):
        self.name = str(name)
        return True

    def GetMediaId(self):
        return "media-" + self.uid

    def GetTimeline(self):
        return self.timeline

    def _keyed(self, table, key):
        return dict(table) if key in (None, "") else table.get(key, "")

    def _keep(self, table, key, value):
        pairs = key if isinstance(key, dict) else {key: value}
        if not all(isinstance(name, str) for name in pairs):
            return False
        table.update({name: str(text) for name, text in pairs.items()})
        return True

    def GetMetadata(self, key=None):
        return self._keyed(self.metadata, key)

    def SetMetadata(self, key, value=None):
        return self._keep(self.metadata, key, value)

    def GetThirdPartyMetadata(self, key=None):
        return self._keyed(self.third, key)

    def SetThirdPartyMetadata(self, key, value=None):
        return self._keep(self.third, key, value)

    def GetClipProperty(self, key=None):
        if self.sort == "Subtitle":
            self.world.crash(14, "GetClipProperty on a subtitle file")
        table = {"Clip Name": self.name, "Type": self.world.word(self.sort)}
        if self.facts is not None:
            facts = self.facts
            own = self.fps.number if not facts.rate else f"{round(float(facts.rate), 3):g}"
            offset = int(facts.start * self.exact_fps)
            table.update(
                {
                    "File Path": self.path,
                    "File Name": os.path.basename(self.path),
                    "FPS": own,
                    "Frames": str(self.frames),
                    "Duration": self.fps.timecode(self.frames),  # 9.10
                    "Start": "0",
                    "End": str(self.frames - 1),
                    "Start TC": self.fps.timecode(offset),
                    "End TC": self.fps.timecode(offset + self.frames),
                    "Audio Ch": str(facts.channels) if facts.channels else "",  # 9.10: text
                    "Sample Rate": str(facts.sample_rate) if facts.sample_rate else "",
                    "Online Status": "Online" if self.online else "Offline",
                }
            )
        return self._keyed(table, key)

    def SetClipProperty(self, key, value):
        if key == "Clip Name":
            self.name = str(value)
            return True
        return False

    def GetAudioMapping(self):
        channels = self.facts.channels if self.facts else 0
        kind = {1: "mono", 2: "stereo", 6: "5.1"}.get(channels, f"adaptive{channels}")
        track = {"channel_idx": list(range(1, channels + 1)), "mute": False, "type": kind}
        return json.dumps(
            {
                "embedded_audio_channels": channels,
                "linked_audio": {},
                "track_mapping": {"1": track} if channels else {},
            }
        )

    def ReplaceClip(self, path):
        facts = self.world.facts(path)
        if facts is None:
            return False
        self.path, self.facts = path, facts
        return True


class MediaPool(Thing):
    kind = "MediaPool"

    def __init__(self, world, project):
        super().__init__(world)
        self.project = project
        self.root = Folder(world, project, "Master")
        self.current = self.root

    def alive(self):
        return self.project.open

    def GetRootFolder(self):
        return self.root

    def GetCurrentFolder(self):
        return self.current

    def SetCurrentFolder(self, folder):
        if not isinstance(folder, Folder) or not folder.alive():
            return False
        self.current = folder
        return True

    def AddSubFolder(self, folder, name):
        if not isinstance(folder, Folder) or not folder.alive() or not isinstance(name, str) or not name:
            return None
        if any(other.name == name for other in folder.folders):
            return None
        made = Folder(self.world, self.project, name, folder)
        folder.folders.append(made)
        if self.world.profile.bin_opens:
            self.current = made
        return made

    def RefreshFolders(self):
        return True

    def DeleteFolders(self, folders):
        doomed = [f for f in _list(folders) if isinstance(f, Folder) and f.parent is not None and f.alive()]
        if not doomed or len(doomed) != len(_list(folders)):
            return False
        for folder in doomed:
            self.drop_items(folder.every_item())
            folder.parent.folders.remove(folder)
            for each in folder.every_folder():
                each.gone = True
                if self.current is each:
                    self.current = self.root
        return True

    def ImportMedia(self, entries):
        """9.16: one path, a list of paths, or a list of {"FilePath"}; into the current folder only."""
        made = []
        for entry in [entries] if isinstance(entries, (str, dict)) else _list(entries):
            path = entry.get("FilePath") if isinstance(entry, dict) else entry
            if not isinstance(path, str) or not os.path.isabs(path):
                continue
            item = self.take_in(path)
            if item is not None:
                made.append(item)
        return made

    def take_in(self, path):
        """One file into the current folder. The same path gives the item that is there already (9.16)."""
        for item in self.root.every_item():
            if item.path == path and item.sort != "Timeline":
                return item
        name = os.path.basename(path)
        if is_subtitle(path):
            if not self.world.profile.python_host:
                return None  # 9.14: the free 21.1 refuses subtitle files
            cues = self.world.cues(path)
            if cues is None:
                return None
            item = MediaPoolItem(self.world, self.project, self.current, name, "Subtitle")
            item.cues = cues
        else:
            facts = self.world.facts(path)
            if facts is None or seconds(facts) <= 0:
                return None
            sort = "Audio" if not facts.rate else ("Video + Audio" if facts.channels else "Video")
            item = MediaPoolItem(self.world, self.project, self.current, name, sort)
            item.facts = facts
        item.path = path
        self.current.items.append(item)
        return item

    def drop_items(self, items):
        for item in items:
            item.gone = True
            item.folder.items.remove(item)
            if item.timeline is not None:
                self.project.drop_timeline(item.timeline)
            for timeline in self.project.timelines:
                timeline.forget_media(item)

    def DeleteClips(self, clips):
        clips = _list(clips)
        if self.world.flaky() or not clips:
            return False
        if not all(isinstance(clip, MediaPoolItem) and clip.alive() for clip in clips):
            return False
        self.drop_items(clips)
        return True

    def MoveClips(self, clips, folder):
        clips = _list(clips)
        if not clips or not isinstance(folder, Folder) or not folder.alive():
            return False
        for clip in clips:
            clip.folder.items.remove(clip)
            clip.folder = folder
            folder.items.append(clip)
        return True

    def GetSelectedClips(self):
        return []

    def CreateEmptyTimeline(self, name):
        return self.project.new_timeline(name)

    def CreateTimelineFromClips(self, name, *clips):
        clips = _flat(clips)
        if not all(isinstance(clip, MediaPoolItem) and clip.alive() for clip in clips):
            return None
        timeline = self.project.new_timeline(name)
        if timeline is not None:
            once = [clip for n, clip in enumerate(clips) if clip not in clips[:n]]  # 1.4: doubles fall out
            append_clips(timeline, once)
        return timeline

    def DeleteTimelines(self, timelines):
        timelines = _list(timelines)
        if not timelines or not all(timeline in self.project.timelines for timeline in timelines):
            return False
        for timeline in timelines:
            self.drop_items([timeline.pool_item])
        return True

    def AppendToTimeline(self, *clips):
        clips = _flat(clips)
        timeline = self.project.current
        if timeline is None or not clips:
            return []  # 9.13
        faults = self.world.faults
        if faults.append_refused:
            faults.append_refused -= 1
            return []
        if all(isinstance(clip, dict) for clip in clips):
            made = append_infos(timeline, clips)
        elif all(isinstance(clip, MediaPoolItem) for clip in clips):
            if any(clip.sort == "Subtitle" for clip in clips):
                if not self.world.profile.subtitle_append:
                    return [None]  # 9.14: the 21 beta
                made = append_subtitles(timeline, clips)
            else:
                made = append_clips(timeline, clips)
        else:
            return []
        for item in made:
            for one in [item, *item.linked] if item is not None else ():
                one.unsaved = faults.append_lost_at_save
                one.hidden = faults.visible_after
        return [None] if faults.append_returns_none else made

    def ImportTimelineFromFile(self, path, options=None):
        return import_otio(self, path, options or {})

    def RelinkClips(self, clips, folder):
        return False

    def UnlinkClips(self, clips):
        for clip in _list(clips):
            clip.online = False
        return True


def _list(value):
    return list(value) if isinstance(value, (list, tuple)) else []


def _flat(values):
    """``(a, b)`` or ``([a, b],)``: both forms are documented."""
    if len(values) == 1 and isinstance(values[0], list):
        return values[0]
    return list(values)


def source_seconds(item, frame):
    """Seconds into the file of the item's own frame ``frame``."""
    return Fraction(frame) / item.exact_fps if whole(frame) else Fraction(str(frame)) / item.exact_fps
