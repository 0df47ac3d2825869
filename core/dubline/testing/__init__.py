"""Does a back end keep what `dubline.backends.contract` promises? For the tests of whoever writes one.

    from dubline.testing import check_separator

    def test_it_keeps_its_promises() -> None:
        check_separator(Mine, options={"strength": 0.5})

A check loads the back end with these options and tries every promise of its kind, `SEPARATOR_PROMISES` and so
on by name. A broken one is an AssertionError that names it and says what was found instead.
"""

from dubline.testing.diarizers import DIARIZER_PROMISES, check_diarizer
from dubline.testing.promises import Subject, keep
from dubline.testing.recognizers import RECOGNIZER_PROMISES, check_recognizer
from dubline.testing.separators import SEPARATOR_PROMISES, check_separator
from dubline.testing.translators import TRANSLATOR_PROMISES, check_translator
from dubline.testing.voices import VOICE_PROMISES, check_voice

__all__ = [
    "DIARIZER_PROMISES",
    "RECOGNIZER_PROMISES",
    "SEPARATOR_PROMISES",
    "TRANSLATOR_PROMISES",
    "VOICE_PROMISES",
    "Subject",
    "check_diarizer",
    "check_recognizer",
    "check_separator",
    "check_translator",
    "check_voice",
    "keep",
]
