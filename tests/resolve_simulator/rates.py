"""Frame rates as Resolve writes them in settings, and timecode, in exact fractions."""

from fractions import Fraction

NOMINAL = {"23.976": 24, "29.97": 30, "47.952": 48, "59.94": 60, "119.88": 120}
WHOLE = ("16", "18", "24", "25", "30", "48", "50", "60", "72", "90", "95", "96", "100", "120")


class Rate:
    """A timeline rate. ``text`` is Resolve's own spelling: "24", "29.97", "29.97 DF" (1.3)."""

    def __init__(self, text):
        word, _, tail = str(text).partition(" ")
        if tail not in ("", "DF") or (tail and word not in ("29.97", "59.94")):
            raise ValueError(f"no such frame rate: {text}")
        if word in NOMINAL:
            self.nominal = NOMINAL[word]
            self.exact = Fraction(self.nominal * 1000, 1001)
        elif word in WHOLE:
            self.nominal = int(word)
            self.exact = Fraction(self.nominal)
        else:
            raise ValueError(f"no such frame rate: {text}")
        self.number = word
        self.text = str(text)
        self.drop = tail == "DF"

    @property
    def hour(self):
        """Frame number of 01:00:00:00: 3600 * nominal, 107892 for 29.97 DF (9.6)."""
        return self.frame_of("01:00:00:00")

    def timecode(self, frame):
        """``frame`` counted from midnight, as text; drop-frame rates use a semicolon."""
        frame = int(frame)
        if self.drop:
            lost = self.nominal // 15
            tens, rest = divmod(frame, 600 * self.nominal - 9 * lost)
            frame += 9 * lost * tens
            if rest >= lost:
                frame += lost * ((rest - lost) // (60 * self.nominal - lost))
        seconds, frames = divmod(frame, self.nominal)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        mark = ";" if self.drop else ":"
        return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{frames:02d}"

    def frame_of(self, timecode):
        """Frame from midnight of ``HH:MM:SS:FF``. ValueError when the text is none."""
        parts = str(timecode).replace(";", ":").replace(".", ":").split(":")
        if len(parts) != 4 or not all(part.isdigit() for part in parts):
            raise ValueError(f"not a timecode: {timecode}")
        hours, minutes, seconds, frames = [int(part) for part in parts]
        if minutes > 59 or seconds > 59 or frames >= self.nominal:
            raise ValueError(f"not a timecode: {timecode}")
        total = ((hours * 60 + minutes) * 60 + seconds) * self.nominal + frames
        if self.drop:
            lost = self.nominal // 15
            whole = hours * 60 + minutes
            total -= lost * (whole - whole // 10)
        return total


def whole_frames(seconds, rate):
    """Frames of ``rate`` (a Fraction) that fit into ``seconds``: Resolve floors (1.9)."""
    return (Fraction(seconds) * rate).__floor__()


def nearest_frame(seconds, rate):
    """The frame nearest to ``seconds``; a half goes up."""
    return (Fraction(seconds) * rate + Fraction(1, 2)).__floor__()
