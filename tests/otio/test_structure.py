"""Files that would end the library's process, or mislead it: refused with the place, or read with a note."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubline.errors import InvalidJob
from otio_dubline import apart
from otio_dubline.reading import facts_of, parse_timeline, read_timeline
from otio_dubline.structure import FIELDS


def written(metadata: Any = None) -> dict[str, Any]:
    """A timeline with one of everything, as the library writes it."""
    span = otio.opentime.TimeRange(otio.opentime.RationalTime(0, 25), otio.opentime.RationalTime(50, 25))
    made = otio.schema.Timeline(name="x", global_start_time=otio.opentime.RationalTime(0, 25))
    track = otio.schema.Track(name="V", kind="Video")
    film = otio.schema.ExternalReference(target_url="file:///m.mov", available_range=span)
    frames = otio.schema.ImageSequenceReference(target_url_base="file:///seq/", name_prefix="a.", rate=25)
    clip = otio.schema.Clip(name="a", media_reference=film, source_range=span)
    clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    clip.markers.append(otio.schema.Marker(marked_range=span))
    half = otio.opentime.RationalTime(5, 25)
    fade = otio.schema.Transition(in_offset=half, out_offset=half)
    track.extend([clip, fade, otio.schema.Clip(media_reference=frames, source_range=span)])
    made.tracks.append(track)
    made.tracks.append(otio.schema.Track(children=[otio.schema.Gap(source_range=span)]))
    made.metadata["x"] = metadata or {}
    return json.loads(otio.adapters.write_to_string(made, "otio_json"))


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in JSON."""
    found = [at] if at else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        found += places(item, (*at, key))
    return found


def replaced(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    made = json.loads(json.dumps(value))
    inside = made
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = new
    return made


WHOLE = written()
PLACES = places(WHOLE)
STRANGE = (
    None, True, 0, -1, 2**40, 2**70, 0.5, "", "x", [], {}, [1], {"OTIO_SCHEMA": "Track.1"}, [[]],
    {"OTIO_SCHEMA": "Gap.1"}, {"OTIO_SCHEMA": "RationalTime.1", "value": 1, "rate": 25}, [None],
    [{"OTIO_SCHEMA": "Marker.2"}], {"OTIO_SCHEMA": "Clip.1", "media_reference": []}, {"x": None},
    {"OTIO_SCHEMA": "SerializableObjectRef.1", "id": "x"}, {"OTIO_SCHEMA": "Strange.1"}, {"OTIO_SCHEMA": 4},
)  # fmt: skip


def test_what_the_library_writes_comes_back_the_same() -> None:
    timeline = parse_timeline(json.dumps(WHOLE).encode())
    assert json.loads(otio.adapters.write_to_string(timeline, "otio_json")) == WHOLE


def test_every_kind_that_the_library_knows_is_known_here() -> None:
    known = set(otio.core.type_version_map())
    ours = {"Composable", "Composition", "Item", "MediaReference", "SerializableObject"}
    timeless = {
        "Test",
        "UnknownSchema",
        "SchemaDef",
        "Adapter",
        "HookScript",
        "MediaLinker",
        "PluginManifest",
    }
    assert {name for name in known if name not in FIELDS} <= timeless | {"SerializableObjectRef"}
    assert ours <= set(FIELDS)


@given(st.sampled_from(PLACES), st.sampled_from(STRANGE))
def test_anything_in_any_place_is_refused_or_read(at: tuple[Any, ...], strange: Any) -> None:
    try:
        timeline = parse_timeline(json.dumps(replaced(WHOLE, at, strange)).encode(), "edit.otio")
    except InvalidJob as error:
        assert error.message.startswith("edit.otio ")
        return
    for item in timeline.find_children(descended_from_type=otio.core.Item):
        item.trimmed_range()
    otio.adapters.write_to_string(timeline.deepcopy(), "otio_json")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"OTIO_SCHEMA": "Timeline.1", "tracks": None}, "has a Timeline without tracks"),
        (replaced(WHOLE, ("tracks", "children", 0), [1]), r"has a list where .* at tracks.children\[0\]"),
        (
            replaced(WHOLE, ("tracks", "children", 0, "children", 0, "media_references"), []),
            r"where a list belongs, at tracks.children\[0\].children\[0\].media_references",
        ),
        (
            replaced(WHOLE, ("metadata", "x"), {"OTIO_SCHEMA": "Clip.1", "media_reference": [1]}),
            "has a list where one of .*, at metadata.x.media_reference",
        ),
        (
            replaced(WHOLE, ("global_start_time", "value"), 10**399),
            r"too many digits, at global_start_time\.value",
        ),
        (replaced(WHOLE, ("global_start_time", "value"), 10**18), "a time that is none"),
        (
            replaced(
                WHOLE,
                ("tracks", "children", 1, "children", 0),
                {"OTIO_SCHEMA": "Clip.2", "name": "c", "media_references": {}},
            ),
            r"a clip without a length: .*, at tracks.children\[1\].children\[0\]",
        ),
    ],
)
def test_the_place_is_told(data: Any, told: str) -> None:
    with pytest.raises(InvalidJob, match=told):
        parse_timeline(json.dumps(data).encode())


def test_what_holds_itself_and_what_is_used_twice() -> None:
    reference = {"OTIO_SCHEMA": "SerializableObjectRef.1", "id": "Timeline-1"}
    with pytest.raises(InvalidJob, match=r"lies inside itself, at metadata\.x"):
        parse_timeline(json.dumps({**written(reference), "OTIO_REF_ID": "Timeline-1"}).encode())
    with pytest.raises(InvalidJob, match="refers to 'Timeline-1', which does not come before it"):
        parse_timeline(json.dumps(written(reference)).encode())
    twice = json.loads(json.dumps(WHOLE))
    first = twice["tracks"]["children"][0]["children"][0]["media_references"]["DEFAULT_MEDIA"]
    first["OTIO_REF_ID"] = "film"
    again = {"DEFAULT_MEDIA": {"OTIO_SCHEMA": "SerializableObjectRef.1", "id": "film"}}
    twice["tracks"]["children"][0]["children"][2]["media_references"] = again
    timeline = parse_timeline(json.dumps(twice).encode())
    assert [c.media_reference.target_url for c in timeline.find_clips()] == ["file:///m.mov"] * 2


def test_references_cannot_grow_without_bound() -> None:
    bombs: list[Any] = [{"OTIO_SCHEMA": "Marker.2", "OTIO_REF_ID": "0"}]
    for number in range(1, 40):
        before = {"OTIO_SCHEMA": "SerializableObjectRef.1", "id": str(number - 1)}
        bombs.append({"OTIO_SCHEMA": "Marker.2", "OTIO_REF_ID": str(number), "metadata": {"x": [before] * 9}})
    with pytest.raises(InvalidJob, match="more than can be looked through"):
        parse_timeline(json.dumps(written(bombs)).encode())


def test_numbers_that_are_none_and_newer_kinds_in_metadata_are_told() -> None:
    text = json.dumps(
        written({"a": "NAN", "b": "SMALL", "c": 'a "NaN" in a text', "d": "LARGE", "e": "NEWER"})
    )
    text = text.replace('"NAN"', "NaN").replace('"SMALL"', "-Infinity").replace('"LARGE"', "1" * 400)
    newer = '{"OTIO_SCHEMA": "Effect.9", "name": "", "metadata": {}, "effect_name": "", "new": 4}'
    text = text.replace('"NEWER"', newer).replace('"Track.1"', '"Track.7"')
    timeline = parse_timeline(text.encode())
    told = dict(timeline.metadata["x"])
    assert (told["a"], told["b"], told["c"], told["d"]) == (None, None, 'a "NaN" in a text', None)
    notes = list(facts_of(timeline)["notes"])
    assert any("NaN or infinite" in note and ": 2." in note for note in notes)
    assert any("Effect.9 is newer" in note for note in notes) and any("Track.7 is newer" in n for n in notes)


def test_a_crash_of_the_library_is_an_error_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "edit.otio"
    path.write_text(json.dumps(WHOLE), encoding="utf-8")
    assert read_timeline(path).name == "x"
    monkeypatch.setattr(apart, "_START", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(InvalidJob, match=r"broke down over edit\.otio"):
        read_timeline(path)
    monkeypatch.setattr(apart, "_START", "import time; time.sleep(60)")
    monkeypatch.setattr(apart, "PATIENCE", 0.2)
    with pytest.raises(InvalidJob, match="within 0 s"):
        read_timeline(path)


def test_the_child_loads_nothing_from_the_folder_that_one_is_in(tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text("print('taken from the folder')", encoding="utf-8")
    path = tmp_path / "edit.otio"
    path.write_text(json.dumps(WHOLE), encoding="utf-8")
    code = "import sys; from pathlib import Path; from otio_dubline.reading import read_timeline; "
    code += "print(read_timeline(Path(sys.argv[1])).name)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "x\n"


def test_a_key_that_the_library_does_not_find_again() -> None:
    data = {**WHOLE, "metadata": {"dubline": {"a\0b": 1, "rate": "25"}}}
    assert facts_of(parse_timeline(json.dumps(data).encode()))["rate"] == "25"
