"""Markers, flags and colours: the same family on timelines, items and pool items (1.5, 1.8)."""

from resolve_simulator.surface import Thing, whole

MARKER_COLOURS = (
    "Blue Cyan Green Yellow Red Pink Purple Fuchsia Rose Lavender Sky Mint Lemon Sand Cocoa Cream"
).split()
CLIP_COLOURS = (
    "Orange Apricot Yellow Lime Olive Green Teal Navy Blue Purple Violet Pink Tan Beige Brown Chocolate"
).split()


class Marked(Thing):
    """A thing that carries markers; their frames count from its own first frame (9.7)."""

    def __init__(self, world):
        super().__init__(world)
        self.markers = {}

    def AddMarker(self, frame, colour, name, note, duration, data=""):
        texts = (name, note, data)
        if not whole(frame) or not whole(duration) or not all(isinstance(text, str) for text in texts):
            return False
        # 9.7: unknown colour, or a second marker on a frame, is refused.
        if colour not in MARKER_COLOURS or int(frame) in self.markers or frame < 0 or duration < 1:
            return False
        self.markers[int(frame)] = {
            "color": colour,
            "duration": int(duration),
            "note": note,
            "name": name,
            "customData": data,
        }
        return True

    def GetMarkers(self):
        number = float if self.world.profile.float_markers else int  # 9.7
        return {number(frame): dict(marker) for frame, marker in sorted(self.markers.items())}

    def _with_data(self, data):
        return [frame for frame, marker in sorted(self.markers.items()) if marker["customData"] == data]

    def GetMarkerByCustomData(self, data):
        frames = self._with_data(data)
        return {frames[0]: dict(self.markers[frames[0]])} if frames else {}

    def UpdateMarkerCustomData(self, frame, data):
        if frame not in self.markers or not isinstance(data, str):
            return False
        self.markers[frame]["customData"] = data
        return True

    def GetMarkerCustomData(self, frame):
        return self.markers[frame]["customData"] if frame in self.markers else ""

    def DeleteMarkersByColor(self, colour):
        frames = [f for f, marker in self.markers.items() if colour in ("All", marker["color"])]
        for frame in frames:
            del self.markers[frame]
        return bool(frames)

    def DeleteMarkerAtFrame(self, frame):
        return self.markers.pop(frame, None) is not None

    def DeleteMarkerByCustomData(self, data):
        frames = self._with_data(data)
        if not frames:
            return False
        del self.markers[frames[0]]  # 1.5: the first that carries it
        return True


class Coloured(Marked):
    """A clip, with flags and one of the sixteen clip colours."""

    def __init__(self, world):
        super().__init__(world)
        self.colour = ""
        self.flags = []

    def GetClipColor(self):
        return self.colour

    def SetClipColor(self, colour):
        if colour not in CLIP_COLOURS:
            return False
        self.colour = colour
        return True

    def ClearClipColor(self):
        self.colour = ""
        return True

    def AddFlag(self, colour):
        if colour not in MARKER_COLOURS:
            return False
        self.flags.append(colour)
        return True

    def GetFlagList(self):
        return list(self.flags)

    def ClearFlags(self, colour):
        self.flags = [flag for flag in self.flags if colour not in ("All", flag)]
        return True
