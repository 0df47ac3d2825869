"""What every voice promises."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from dubline.backends.choosing import options_of
from dubline.backends.contract import Reference, Spoken, VoiceInfo
from dubline.errors import BackendFailed, Cancelled
from dubline.testing.promises import GENERAL, Promises, Subject, cancellation, check, hold

LINES = (
    "We have to leave this house before the morning.",
    "Who told you that? I never said a word about it!",
)
COMMANDS = ("-v en --version", "$(touch owned) `touch owned`; touch owned", "@/etc/passwd", "{wav} {rate} %s")
"""Texts that a careless call of a program would take for something else."""
PACE = 0.06  # share by which a pace may miss what was asked


def check_voice(
    cls: Any, *, options: Mapping[str, Any] | None = None, lines: tuple[str, str] = LINES
) -> None:
    """Try every promise of a voice that is loaded with these options.

    `lines`: two sentences of about three seconds each in its language.

    Raises:
        AssertionError: one is broken.
    """
    check(VOICE_PROMISES, cls, options, lines)


def _lines(subject: Subject) -> tuple[str, str]:
    return subject.sample or LINES


def _reference(subject: Subject) -> Reference:
    """A cut of somebody's voice: two seconds of hum."""
    import numpy as np

    from dubline.media.sound import SoundWriter
    from dubline.weights.files import checksum

    path = subject.folder / "cut.wav"
    if not path.exists():
        hum = (0.1 * np.sin(np.arange(32000) / 20)).astype(np.float32)
        with SoundWriter(path, 16000, 1, 32000) as file:
            file.write(hum[None])
    return Reference(path=str(path), text="Reference words.", sha256=checksum(path))


def _said(subject: Subject, text: str, **how: Any) -> Spoken:
    from dubline.voice.fitting import usable

    asked = {"speed": 1.0, "pitch": 1.0, "tick": lambda: None, **how}
    clones = getattr(subject.cls, "clones", None)
    if clones is not None and clones(options_of(subject.cls, subject.options)):
        asked["reference"] = _reference(subject)
    return usable(subject.opened.speak(text, subject.opened.voices()[0].name, **asked))


def _listed(subject: Subject) -> None:
    voice = subject.opened
    listed = voice.voices()
    hold(bool(listed), "it has no voice")
    hold(listed == voice.voices(), "its voices are others when asked again")
    hold(len({info.name for info in listed}) == len(listed), "two voices have one name")
    for info in listed:
        hold(
            isinstance(info, VoiceInfo) and voice.knows(info.name), f"it lists {info!r} and does not know it"
        )
        hold(info.pitch is None or 60 < info.pitch < 400, f"{info.name} is said to speak at {info.pitch} Hz")
        hold(info.gender in ("female", "male", ""), f"{info.name} has the gender {info.gender!r}")
    for name in ("", "--version"):
        hold(not voice.knows(name), f"it knows a voice named {name!r}")


def _take(subject: Subject) -> None:
    import numpy as np

    take = _said(subject, _lines(subject)[0])
    hold(take.sound.dtype == np.float32 and take.sound.shape[0] == 1, "a take is no mono float32")
    seconds, loudest = take.sound.shape[1] / take.rate, float(np.abs(take.sound).max())
    hold(0.5 < seconds < 10, f"a sentence takes {seconds:.2f} s")
    hold(0.01 < loudest <= 1, f"its loudest sample is {loudest:.3g}")


def _lengths(subject: Subject) -> None:
    first, second = _lines(subject)
    short = _said(subject, first.split()[0] + ".").sound.shape[1]
    long = _said(subject, f"{first} {second}").sound.shape[1]
    hold(long > 2 * short, f"two sentences take {long} samples, one word {short}")


def _pace(subject: Subject) -> None:
    if not subject.opened.paces:
        return
    line = _lines(subject)[1]
    natural = _said(subject, line).sound.shape[1]
    for speed in (0.9, 1.1, 1.2):
        real = natural / _said(subject, line, speed=speed).sound.shape[1]
        hold(abs(real / speed - 1) <= PACE, f"asked for {speed} it speaks at {real:.3f} of its own pace")


def _twice(subject: Subject) -> None:
    import numpy as np

    first, again = (_said(subject, _lines(subject)[0], speed=1.1).sound for _ in range(2))
    hold(np.array_equal(first, again), "the same line sounds otherwise the second time")


def _harmless(subject: Subject) -> None:
    before = os.getcwd()  # noqa: PTH109 - to be given back to os.chdir
    os.chdir(subject.folder)
    try:
        for text in COMMANDS:
            _said(subject, text)
    finally:
        os.chdir(before)
    hold(not (subject.folder / "owned").exists(), "a text was run as a command")


def _strange(subject: Subject) -> None:
    _said(subject, "One\x00 two\x07 three\u202e four\ud800\n\nfive.")
    _said(subject, "And then he went away. " * 12)


def _unknown(subject: Subject) -> None:
    if subject.opened.any_voice:
        return
    hold(not subject.opened.knows("nobody"), "it knows a voice named 'nobody'")
    try:
        subject.opened.speak("Hello.", "nobody", speed=1.0, pitch=1.0, tick=lambda: None)
    except BackendFailed as error:
        hold("nobody" in str(error), f"the error does not name the voice: {error}")
    else:
        raise AssertionError("it speaks with a voice that it does not have")


def _stop(subject: Subject) -> None:
    def stop() -> None:
        raise Cancelled("stopped")

    with cancellation():
        _said(subject, _lines(subject)[0], tick=stop)


def _sampled(subject: Subject) -> None:
    voice = subject.opened
    if not hasattr(voice, "sampled"):
        return
    listed, sampled = voice.voices(), voice.sampled(lambda: None)
    hold([s.name for s in sampled] == [v.name for v in listed], "its samples are of other voices")
    hold(sampled == voice.sampled(lambda: None), "its samples are others the second time")
    for info in sampled:
        hold(info.pitch is None or 60 < info.pitch < 600, f"{info.name} was heard at {info.pitch} Hz")
        hold(info.gender in ("female", "male", ""), f"{info.name} has the gender {info.gender!r}")


VOICE_PROMISES: Promises = {
    **GENERAL,
    "it lists voices that it knows": _listed,
    "its samples are of its voices": _sampled,
    "a take is mono with sound in it": _take,
    "longer texts take longer": _lengths,
    "its speed is the one asked for": _pace,
    "the same line sounds the same": _twice,
    "a text is never a command": _harmless,
    "strange and long lines do no harm": _strange,
    "a voice that it lacks fails by name": _unknown,
    "it stops when it is told to": _stop,
}
