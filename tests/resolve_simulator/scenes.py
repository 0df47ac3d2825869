"""A project as plain values: made from a description, and described again."""


def build(world, scene):
    """Fill the open project. Keys of ``scene``, all optional:

    ``bins``: names; ``files``: paths to import; ``page``: the page that is open at the end;
    ``timelines``: list of {"name", "start" (timecode), "current" (bool), "audio" (sub types of more
    tracks), "clips": [{"path", "record" (frames from the start), "track", "start", "end", "only" (1 video,
    2 audio)}], "subtitles": [{"name", "path", "enabled", "locked"}], "markers": [[frame, colour, name,
    note, frames, data]]}.
    """
    project = world.project
    pool = project.pool
    for name in scene.get("bins", ()):
        pool.AddSubFolder(pool.root, name)
        pool.SetCurrentFolder(pool.root)
    _all(pool, scene.get("files", ()))
    current = None
    for entry in scene.get("timelines", ()):
        timeline = project.new_timeline(entry["name"])
        if timeline is None:
            raise ValueError("two timelines called {}".format(entry["name"]))
        if entry.get("start"):
            timeline.SetStartTimecode(entry["start"])
        for sub_type in entry.get("audio", ()):
            timeline.AddTrack("audio", sub_type)
        for clip in entry.get("clips", ()):
            info = {
                "mediaPoolItem": _all(pool, [clip["path"]])[0],
                "recordFrame": timeline.start + clip.get("record", 0),
                "trackIndex": clip.get("track", 1),
            }
            for key, name in (("start", "startFrame"), ("end", "endFrame"), ("only", "mediaType")):
                if key in clip:
                    info[name] = clip[key]
            if not [item for item in pool.AppendToTimeline([info]) if item is not None]:
                raise ValueError(f"the clip finds no place: {clip}")
        for track in entry.get("subtitles", ()):
            timeline.AddTrack("subtitle")
            number = len(timeline.tracks["subtitle"])
            made = timeline.tracks["subtitle"][-1]
            for other in timeline.tracks["subtitle"]:
                other.enabled = other is made
            if track.get("path"):
                pool.AppendToTimeline(_all(pool, [track["path"]]))
            timeline.SetTrackName("subtitle", number, track.get("name", f"Subtitle {number}"))
        for made, track in zip(timeline.tracks["subtitle"], entry.get("subtitles", ())):
            made.enabled, made.locked = track.get("enabled", True), track.get("locked", False)
        for marker in entry.get("markers", ()):
            timeline.AddMarker(*marker)
        if entry.get("current"):
            current = timeline
    project.current = current or project.current
    world.page = scene.get("page", world.page)
    return world


def _all(pool, paths):
    paths = list(paths)
    made = pool.ImportMedia(paths)
    if len(made) != len(paths):
        raise ValueError(f"not every file can be imported: {paths}")
    return made


def describe(world):
    """The open project, in plain JSON values."""
    project = world.project
    return {
        "project": project.name,
        "page": world.page,
        "current": project.current.name if project.current else "",
        "bin": project.pool.current.name,
        "bins": [_folder(folder) for folder in project.pool.root.every_folder()],
        "settings": dict(project.settings),
        "jobs": [job.name for job in project.rendering.jobs],
        "timelines": [_timeline(timeline) for timeline in project.timelines],
    }


def _folder(folder):
    clips = [
        {"id": item.uid, "name": item.name, "path": item.path, "sort": item.sort} for item in folder.items
    ]
    return {"id": folder.uid, "name": folder.name, "clips": clips}


def _timeline(timeline):
    return {
        "id": timeline.uid,
        "name": timeline.name,
        "rate": timeline.rate.text,
        "start": timeline.start,
        "playhead": timeline.playhead,
        "marks": {sort: dict(marks) for sort, marks in timeline.marks.items()},
        "markers": {str(frame): dict(marker) for frame, marker in sorted(timeline.markers.items())},
        "tracks": {sort: [_track(track) for track in tracks] for sort, tracks in timeline.tracks.items()},
    }


def _track(track):
    return {
        "name": track.name,
        "sub_type": track.sub_type,
        "enabled": track.enabled,
        "locked": track.locked,
        "items": [
            {
                "id": item.uid,
                "name": item.name,
                "start": item.start,
                "end": item.end,
                "path": item.media.path if item.media else "",
                "source": str(item.source_start),
                "enabled": item.enabled,
                "colour": item.colour,
            }
            for item in sorted(track.items, key=lambda item: item.start)
        ],
    }
