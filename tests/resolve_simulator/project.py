"""Resolve, project manager, projects, media storage (1.1 to 1.4; section 9, rules 2, 19 and 21)."""

import os

from resolve_simulator.otio_files import copy_timeline
from resolve_simulator.pool import Folder, MediaPool, MediaPoolItem
from resolve_simulator.rates import Rate
from resolve_simulator.render import Rendering
from resolve_simulator.surface import Thing, whole
from resolve_simulator.timeline import Timeline

PAGES = ("media", "cut", "edit", "fusion", "color", "fairlight", "deliver")
UNTITLED = "Untitled Project"
SETTINGS = {
    "timelineFrameRate": "24",
    "timelinePlaybackFrameRate": "24",
    "timelineSampleRate": "48000",
    "timelineResolutionWidth": "1920",
    "timelineResolutionHeight": "1080",
    "timelineDropFrameTimecode": "0",
}


class Resolve(Thing):
    kind = "Resolve"

    def Fusion(self):
        return self.world.fusion

    def GetMediaStorage(self):
        return self.world.storage

    def GetProjectManager(self):
        return self.world.manager

    def OpenPage(self, page):
        if page not in PAGES and not (page == "photo" and self.world.profile.since((21,))):
            return False
        self.world.page = page
        current = self.world.manager.current.current
        if page == "deliver" and current is not None:
            # 9.20: the Deliver page writes marks of its own over the user's.
            frames = max(1, current.GetEndFrame() - current.start)
            current.marks = {sort: {"in": 0, "out": frames - 1} for sort in ("video", "audio")}
        return True

    def GetCurrentPage(self):
        return self.world.page

    def GetProductName(self):
        return self.world.profile.product

    def GetVersion(self):
        return [*self.world.profile.version[:3], 7, ""]

    def GetVersionString(self):
        major, minor, patch, build, suffix = self.GetVersion()
        return f"{major}.{minor}.{patch}{suffix}.{build}"

    def ImportRenderPreset(self, path):
        if not isinstance(path, str) or not os.path.isfile(path):
            return False
        name = os.path.splitext(os.path.basename(path))[0]
        rendering = self.world.manager.current.rendering
        rendering.presets.append(name)
        rendering.preset = name
        return True

    def GetKeyframeMode(self):
        return 0

    def SetKeyframeMode(self, mode):
        return whole(mode) and 0 <= mode <= 2

    def GetFairlightPresets(self):
        return []

    def Quit(self):
        self.world.crash(0, "the script quit Resolve")


class ProjectManager(Thing):
    kind = "ProjectManager"

    def __init__(self, world):
        super().__init__(world)
        self.projects = []
        self.current = Project(world, UNTITLED)

    def _named(self, name):
        projects = [project for project in self.projects if project.name == name]
        return projects[0] if projects else None

    def _switch(self, project):
        if self.current is not project:
            # 9.5: every handle into the old project is stale, and stays so if it is opened again.
            self.current.open = False
            project.opened += 1
        project.open = True
        self.current = project
        return project

    def CreateProject(self, name, location=None):
        if not isinstance(name, str) or not name or self._named(name):
            return None
        project = Project(self.world, name)
        self.projects.append(project)
        return self._switch(project)

    def LoadProject(self, name):
        project = self._named(name)
        return self._switch(project) if project else None

    def GetCurrentProject(self):
        return self.current

    def SaveProject(self):
        if self.current.name == UNTITLED:
            return False  # 9.21
        for timeline in self.current.timelines:
            timeline.drop([item for item in timeline.every_item() if item.unsaved])  # 9.13
        self.world.saves += 1
        return True

    def CloseProject(self, project):
        if project is not self.current or project.name == UNTITLED:
            return False
        self._switch(Project(self.world, UNTITLED))
        return True

    def DeleteProject(self, name):
        project = self._named(name)
        if project is None or project is self.current or self.world.flaky():
            return False
        self.projects.remove(project)
        return True

    def GetProjectListInCurrentFolder(self):
        return [project.name for project in self.projects]

    def GetFolderListInCurrentFolder(self):
        return []

    def GotoRootFolder(self):
        return True

    def GotoParentFolder(self):
        return False

    def GetCurrentFolder(self):
        return ""

    def GetCurrentDatabase(self):
        return {"DbType": "Disk", "DbName": "Local Database"}


class Project(Thing):
    kind = "Project"

    def __init__(self, world, name):
        super().__init__(world)
        self.name = name
        self.open = True
        self.opened = 1
        self.settings = dict(SETTINGS)
        self.timelines = []
        self.current = None
        self.pool = MediaPool(world, self)
        self.rendering = Rendering(self)

    def alive(self):
        return self.open

    def session(self):
        return self.opened

    @property
    def rate(self):
        return Rate(self.settings["timelineFrameRate"])

    def timeline_named(self, name):
        timelines = [timeline for timeline in self.timelines if timeline.name == name]
        return timelines[0] if timelines else None

    def new_timeline(self, name, switch=True):
        if not isinstance(name, str) or not name or self.timeline_named(name):
            return None
        timeline = Timeline(self.world, self, name)
        item = MediaPoolItem(self.world, self, self.pool.current, name, "Timeline")
        item.timeline, timeline.pool_item = timeline, item
        self.pool.current.items.append(item)
        self.timelines.append(timeline)
        if switch:
            self.current = timeline
        return timeline

    def copy_timeline(self, timeline, name):
        made = self.new_timeline(name)
        return copy_timeline(timeline, made) if made else None

    def drop_timeline(self, timeline):
        self.timelines.remove(timeline)
        if self.current is timeline:
            self.current = self.timelines[0] if self.timelines else None

    def GetMediaPool(self):
        return self.pool

    def GetTimelineCount(self):
        return len(self.timelines)

    def GetTimelineByIndex(self, index):
        if not whole(index) or not 1 <= index <= len(self.timelines):  # 9.11
            return None
        return self.timelines[int(index) - 1]

    def GetCurrentTimeline(self):
        return self.current

    def SetCurrentTimeline(self, timeline):
        if timeline not in self.timelines:
            return False
        self.current = timeline
        return True

    def GetName(self):
        return self.name

    def SetName(self, name):
        if not isinstance(name, str) or not name:
            return False
        self.name = name
        return True

    def GetSetting(self, key=""):
        """9.19: text; a missing key is the empty text."""
        return dict(self.settings) if key in (None, "") else self.settings.get(key, "")

    def SetSetting(self, key, value):
        if not isinstance(value, str) or key not in self.settings or key == "timelinePlaybackFrameRate":
            return False  # 9.19
        if key == "timelineFrameRate":
            try:
                Rate(value)
            except ValueError:
                return False
            if self.timelines:
                return False  # 9.19
        self.settings[key] = value
        return True

    def InsertAudioToCurrentTrackAtPlayhead(self, path, offset, length):
        return False  # 1.3: in every probe

    def ApplyFairlightPresetToCurrentTimeline(self, name):
        return False

    def GetColorGroupsList(self):
        return []

    def RefreshLUTList(self):
        return True

    def GetQuickExportRenderPresets(self):
        return []

    def __getattr__(self, name):
        # Documented rendering methods live in render.py.
        if name[:1].isupper() and name in Rendering.DOCUMENTED:
            return getattr(self.rendering, name)
        raise AttributeError(name)


class MediaStorage(Thing):
    kind = "MediaStorage"

    def GetMountedVolumeList(self):
        return ["/"]

    def GetSubFolderList(self, path):
        return self._entries(path, os.path.isdir)

    def GetFileList(self, path):
        return self._entries(path, os.path.isfile)

    def _entries(self, path, sort):
        if not isinstance(path, str) or not os.path.isdir(path):
            return []
        paths = [os.path.join(path, name) for name in sorted(os.listdir(path))]
        return [entry for entry in paths if sort(entry)]

    def RevealInStorage(self, path):
        return isinstance(path, str) and os.path.exists(path)

    def AddItemListToMediaPool(self, *entries):
        paths = []
        for entry in entries[0] if len(entries) == 1 and isinstance(entries[0], list) else entries:
            paths.append(entry.get("media") if isinstance(entry, dict) else entry)
        return self.world.manager.current.pool.ImportMedia(paths)


__all__ = ["Folder", "MediaStorage", "Project", "ProjectManager", "Resolve"]
