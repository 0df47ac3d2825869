"""Real media for the simulator: probing with PyAV, and the sound of a timeline as samples.

The one module of this package that needs numpy, soundfile and PyAV; only tests import it.
"""

from fractions import Fraction

import numpy as np
import soundfile

from resolve_simulator.media import Facts


def probe(path):
    """Facts of any file PyAV can open, None for the others: a ``prober`` for Simulator."""
    import av

    try:
        with av.open(str(path)) as container:
            rate, frames, own = None, 0, Fraction(0)
            channels = samples = sample_rate = 0
            length = Fraction(container.duration or 0, av.time_base)
            if container.streams.video:
                video = container.streams.video[0]
                rate = Fraction(video.average_rate)
                known = video.duration * video.time_base if video.duration else length
                frames = video.frames or round(known * rate)
            if container.streams.audio:
                audio = container.streams.audio[0]
                channels, sample_rate = audio.channels, audio.rate
                known = audio.duration * audio.time_base if audio.duration else length
                samples = round(known * sample_rate)
            code = container.metadata.get("timecode")
            for stream in container.streams:
                code = code or stream.metadata.get("timecode")
            if code and rate:
                nominal = round(rate)
                hours, minutes, seconds, part = [int(n) for n in code.replace(";", ":").split(":")]
                count = ((hours * 60 + minutes) * 60 + seconds) * nominal + part
                if ";" in code:
                    lost, whole = nominal // 15, hours * 60 + minutes
                    count -= lost * (whole - whole // 10)
                own = count / rate
    except (OSError, ValueError, av.error.FFmpegError):
        return None
    if not frames and not samples:
        return None
    return Facts(rate, frames, channels, samples, sample_rate, own)


def table(paths):
    """Facts of ``paths`` as plain JSON values, for ``media=`` of Simulator and run_menu_script."""
    facts_by_path = {}
    for path in paths:
        facts = probe(path)
        if facts is not None:
            entry = facts._asdict()
            entry["rate"] = str(facts.rate) if facts.rate else None
            entry["start"] = str(facts.start)
            facts_by_path[str(path)] = entry
    return facts_by_path


def hear(world, name=None, rate=48000, channels=2):
    """What the timeline sounds like: float32 (channels, samples), from the timeline's start to its end.

    A mono file sounds in every channel. Files must have the sample rate ``rate`` (ValueError otherwise) and
    be readable by soundfile. Clip volume is applied, key frames with straight lines in decibels between.
    """
    timeline = world.timeline(name)
    exact = timeline.rate.exact
    total = (Fraction(timeline.GetEndFrame() - timeline.start) / exact * rate).__ceil__()
    mix = np.zeros((channels, total), np.float32)
    for heard in world.sound(name):
        with soundfile.SoundFile(heard.path) as file:
            if file.samplerate != rate:
                raise ValueError(f"{heard.path} has {file.samplerate} samples a second, not {rate}")
            file.seek(round(heard.source * rate))
            data = file.read(round(heard.length * rate), dtype="float32", always_2d=True).T
        data = data[: heard.channels]  # (channels heard, samples)
        if heard.channels == 1:
            data = np.repeat(data, channels, axis=0)
        if heard.gain is not None:
            data = data * _amplitude(heard.gain, exact, data.shape[1], rate)
        start = round(heard.start * rate)
        data = data[:channels, : max(0, total - start)]
        mix[: data.shape[0], start : start + data.shape[1]] += data.astype(np.float32)
    return mix


def _amplitude(gain, exact, samples, rate):
    if not isinstance(gain, dict):
        return 10 ** (gain / 20)
    at = [float(frame / exact * rate) for frame in sorted(gain)]
    return 10 ** (np.interp(np.arange(samples), at, [gain[frame] for frame in sorted(gain)]) / 20)


def write_mix(timeline, first, last, path):
    """A ``renderer`` for Simulator: the real sound from frame ``first`` to frame ``last``, both included."""
    exact = timeline.rate.exact
    mix = hear(timeline.world, timeline.name)
    start, end = [round((frame - timeline.start) / exact * 48000) for frame in (first, last + 1)]
    soundfile.write(path, mix[:, start:end].T, 48000, subtype="FLOAT", format="WAV")
