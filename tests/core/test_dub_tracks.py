"""What of a dub a programme shows: which sound is heard, whose takes, which marks."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from localized_run import NAMES, SAID, put_dub, put_words

from dubline.errors import InvalidJob
from dubline.programme.dub_tracks import dub_sounds, dub_takes
from dubline.programme.reading import read_programme
from dubline.values.dubbed import Dub, Take, Takes, dub_json, dub_place, read_dub, read_dubs
from dubline.values.programme import Programme


def heard(programme: Programme) -> list[str]:
    tracks = [*programme.sounds, *programme.takes]
    return [track.name for track in tracks if track.enabled]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A run of words alone."""
    root = tmp_path / "E.dubline"
    root.mkdir()
    put_words(root, SAID)
    return root


def test_a_run_without_a_dub(root: Path) -> None:
    programme = read_programme(root)
    assert programme.takes == () and programme.sounds == ()
    assert [(m.id, m.kind) for m in programme.marks] == [(1, "too_long"), (3, "failed")]


def test_the_first_language_is_heard(root: Path) -> None:
    put_dub(root, SAID)
    put_dub(root, SAID, language="de")
    (root / "final.de.wav").write_bytes(b"published")
    programme = read_programme(root)
    assert heard(programme) == ["dub en"]
    assert [(s.name, s.role, s.language, s.enabled) for s in programme.sounds] == [
        ("dub en", "dub", "en", True),
        ("dub de", "dub", "de", False),
        ("M&E", "m_and_e", "", False),
    ]
    shown = [Path(s.path).relative_to(root).as_posix() for s in programme.sounds]
    assert shown == ["work/steps/speak-en/final.wav", "final.de.wav", "work/steps/speak-en/M&E.wav"]
    assert [(t.name, t.language, [c.id for c in t.clips]) for t in programme.takes] == [
        ("takes en Ayşe", "en", [1]),
        ("takes en Tom / Co", "en", [2]),
        ("takes de Ayşe", "de", [1]),
        ("takes de Tom / Co", "de", [2]),
    ]
    take = programme.takes[0].clips[0]
    assert (take.start, take.frames, take.gain_db, take.state) == (4811, 14_401, -1.25, "too_long")
    assert Path(take.path).is_file() and take.text == SAID[0][4]


def test_takes_without_a_mix_are_heard(root: Path) -> None:
    put_dub(root, SAID, mixed=False)
    put_dub(root, SAID, language="de", mixed=False)
    programme = read_programme(root)
    assert heard(programme) == ["takes en Ayşe", "takes en Tom / Co"]
    assert programme.takes[0].clips[0].gain_db == -2.5


def test_what_was_spoken_is_measured_not_estimated(root: Path) -> None:
    dub = put_dub(root, SAID)
    kinds = [(m.id, m.kind) for m in read_programme(root).marks]
    assert kinds == [(1, "take_too_long"), (3, "failed"), (3, "take_failed")]
    other = tuple(msgspec.structs.replace(take, text="Something else") for take in dub.takes.takes)
    edited = msgspec.structs.replace(dub, takes=msgspec.structs.replace(dub.takes, takes=other))
    dub_place(root, "en").write_bytes(dub_json(edited))
    assert (1, "too_long") in [(m.id, m.kind) for m in read_programme(root).marks], (
        "the line was edited since"
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"state": "failed"}, {"state": "silent"}, {"path": ""}, {"frames": 0}, {"rate": 0}, {"start": -1},
    ],
)  # fmt: skip
def test_what_has_no_sound_has_no_clip(broken: dict[str, object]) -> None:
    take = Take(id=1, speaker="a", state="spoken", path="x.wav", frames=1)
    dubs = [Dub(takes=Takes(language="en", takes=(take,)))]
    assert len(list(dub_takes(Path("/r"), dubs, {}))) == 1, "one sample is a take"
    bad = [Dub(takes=Takes(language="en", takes=(msgspec.structs.replace(take, **broken),)))]
    assert list(dub_takes(Path("/r"), bad, {})) == [] and list(dub_sounds(Path("/r"), bad)) == []


def test_a_damaged_dub_is_told(root: Path) -> None:
    (root / "work/dubbed.json").write_bytes(b"{")
    with pytest.raises(InvalidJob) as caught:
        read_programme(root)
    assert "dubbed.json" in caught.value.message and "dubline dub" in caught.value.hint


def test_names_are_those_of_the_transcript(root: Path) -> None:
    put_dub(root, SAID)
    assert [t.speaker_name for t in read_programme(root).takes] == list(NAMES.values())
    assert read_dubs(root) == (read_dub(root / "work/dubbed.json"),)
