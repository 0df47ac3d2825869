"""Resolve's dialect: the shape of what Resolve itself wrote, key for key, and what must not go in."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import opentimelineio as otio
import pysrt
import pytest
import soundfile as sf
from shared_media import Shared
from small_programme import STEMS, small_programme

from dubline.errors import InvalidJob
from otio_dubline.build import build
from otio_dubline.exporters import ExportOptions, export
from otio_dubline.exporters.takes import padded
from otio_dubline.reading import parse_timeline, read_timeline
from otio_dubline.time_reference import begins_at


def exported(tmp_path: Path, schema: str = "", **wanted: Any) -> tuple[Any, Any]:
    """(the file as JSON, what was said)."""
    timeline = build(small_programme(tmp_path, **wanted))
    (done,) = export(timeline, ["resolve"], tmp_path / "out", ExportOptions(schema=schema))
    return json.loads(done.files[0].read_text(encoding="utf-8")), done


@pytest.fixture
def sample(shared: Shared) -> Path:
    """A timeline that Resolve exported."""
    return shared("otio/resolve_transitions.otio")


def resolves_own(sample: Path) -> Any:
    return json.loads(sample.read_text(encoding="utf-8"))


def tracks_of(timeline: Any, kind: str) -> list[Any]:
    return [track for track in timeline["tracks"]["children"] if track["kind"] == kind]


def clips_of(timeline: Any, kind: str) -> list[Any]:
    return [
        c for t in tracks_of(timeline, kind) for c in t["children"] if c["OTIO_SCHEMA"].startswith("Clip")
    ]


def test_the_shape_is_resolves_own(tmp_path: Path, sample: Path) -> None:
    theirs, (ours, _) = resolves_own(sample), exported(tmp_path, seconds=1)
    assert ours["metadata"]["Resolve_OTIO"] == theirs["metadata"]["Resolve_OTIO"]
    for kind in ("Video", "Audio"):
        told = tracks_of(theirs, kind)[0]["metadata"]["Resolve_OTIO"]
        assert all(track["metadata"]["Resolve_OTIO"] == told for track in tracks_of(ours, kind))
        wanted, found = clips_of(theirs, kind)[0], clips_of(ours, kind)[0]
        # Newer versions of OTIO write a colour for every item; readers pass over what they do not know.
        assert found.keys() - wanted.keys() <= {"color"} and wanted.keys() <= found.keys()
        assert found["OTIO_SCHEMA"] == wanted["OTIO_SCHEMA"]
        assert found["active_media_reference_key"] == wanted["active_media_reference_key"]
        assert found["metadata"]["Resolve_OTIO"].keys() == wanted["metadata"]["Resolve_OTIO"].keys()
        media = found["media_references"]["DEFAULT_MEDIA"]
        assert media.keys() == wanted["media_references"]["DEFAULT_MEDIA"].keys()
        assert media["name"] == Path(media["target_url"]).name
        assert Path(media["target_url"]).is_file()
    volume = next(
        e for e in clips_of(theirs, "Audio")[0]["effects"]
        if e["metadata"].get("Resolve_OTIO", {}).get("Name") == "Volume"
    )  # fmt: skip
    assert clips_of(ours, "Audio")[0]["effects"][0]["metadata"] == volume["metadata"]
    assert clips_of(ours, "Audio")[0]["effects"][0]["effect_name"] == volume["effect_name"]
    assert (
        clips_of(ours, "Audio")[0]["metadata"]["Resolve_OTIO"]["Channels"]
        == (clips_of(theirs, "Audio")[0]["metadata"]["Resolve_OTIO"]["Channels"])
    )


def test_levels_markers_and_the_muted_original(tmp_path: Path) -> None:
    ours, _ = exported(tmp_path, levels={"music": -6.5})
    audio = tracks_of(ours, "Audio")
    assert [(t["name"], t["enabled"]) for t in audio] == [
        ("original", False), *((name, True) for name in STEMS),
    ]  # fmt: skip
    parameters = [t["children"][0]["effects"][0]["metadata"]["Resolve_OTIO"]["Parameters"] for t in audio]
    assert [len(p) for p in parameters] == [0, 0, 1, 0, 0]
    assert parameters[2][0]["Parameter ID"] == "volume" and parameters[2][0]["Parameter Value"] == -6.5
    notes = [m["metadata"]["Resolve_OTIO"] for m in ours["tracks"]["markers"]]
    assert notes[0] == {"Keywords": [], "Note": "41% sure: Nerede kaldın?"}  # noqa: RUF001
    assert [m["color"] for m in ours["tracks"]["markers"]] == ["YELLOW", "RED", "PINK", "CYAN"]
    groups = [c["metadata"]["Resolve_OTIO"]["Link Group ID"] for c in clips_of(ours, "Audio")]
    assert len(set(groups)) == len(groups)


def test_times_are_on_the_medias_own_clock(tmp_path: Path) -> None:
    ours, _ = exported(tmp_path, seconds=1)
    assert ours["global_start_time"]["value"] == 86400
    picture = clips_of(ours, "Video")[0]
    assert picture["source_range"]["start_time"]["value"] == 86400
    media = picture["media_references"]["DEFAULT_MEDIA"]
    assert media["available_range"]["start_time"]["value"] == 86400
    sound = clips_of(ours, "Audio")[0]["media_references"]["DEFAULT_MEDIA"]
    assert sound["available_range"]["start_time"] == {
        "OTIO_SCHEMA": "RationalTime.1",
        "rate": 24000 / 1001,
        "value": 0.0,
    }


def test_subtitles_go_beside_it(tmp_path: Path) -> None:
    ours, done = exported(tmp_path)
    assert {track["kind"] for track in ours["tracks"]["children"]} == {"Video", "Audio"}
    srt = [path for path in done.files if path.suffix == ".srt"]
    assert len(srt) == 6 and all(path.read_bytes().startswith(b"\xef\xbb\xbf1\n") for path in srt)
    assert [c.text for c in pysrt.open(str(srt[1]))][3] == "All right."
    assert "subtitle tracks: SRT files are beside the timeline" in done.lost
    page = next(path for path in done.files if path.name == "HOWTO.txt").read_text(encoding="utf-8")
    assert "File > Import > Timeline" in page and "23.976 (24000/1001)" in page
    assert all(path.name in page for path in srt)
    assert max(map(len, page.splitlines())) <= 110


def test_an_old_resolve_gets_clips_of_the_first_version(tmp_path: Path) -> None:
    ours, _ = exported(tmp_path, schema="0.14.0", seconds=1)
    assert clips_of(ours, "Audio")[0]["OTIO_SCHEMA"] == "Clip.1"
    assert Path(clips_of(ours, "Audio")[0]["media_reference"]["target_url"]).is_file()


@pytest.mark.parametrize(("channels", "kind"), [(1, "Mono"), (2, "Stereo"), (6, "5.1")])
def test_width(tmp_path: Path, channels: int, kind: str) -> None:
    ours, done = exported(tmp_path, channels=channels, seconds=1)
    assert {t["metadata"]["Resolve_OTIO"]["Audio Type"] for t in tracks_of(ours, "Audio")} == {kind}
    told = clips_of(ours, "Audio")[0]["metadata"]["Resolve_OTIO"]["Channels"]
    assert [c["Source Channel ID"] for c in told] == list(range(channels))
    assert any("6 channels" in note for note in done.notes) == (channels == 6)


def test_drop_frame_is_told(tmp_path: Path) -> None:
    _, done = exported(tmp_path, rate="30000/1001", start="00:59:58;00", seconds=1)
    assert any("drop-frame" in text for text in done.lost)
    assert "00:59:58;00" in done.files[1].read_text(encoding="utf-8")


def test_a_clip_without_a_file_becomes_a_gap(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, seconds=1))
    title = otio.schema.Clip(name="Title", source_range=timeline.tracks[0][0].source_range)
    timeline.tracks[0].append(title)
    (done,) = export(timeline, ["resolve"], tmp_path / "out")
    text = done.files[0].read_text(encoding="utf-8")
    assert "MissingReference" not in text
    assert any("names no media file" in lost for lost in done.lost)
    again = otio.adapters.read_from_file(str(done.files[0]))
    assert [type(item).__name__ for item in again.tracks[0]] == ["Clip", "Gap"]
    assert again.tracks[0][1].duration() == title.duration()


def test_words_alone_are_refused(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, seconds=1, video=False, sounds=()))
    with pytest.raises(InvalidJob, match="neither picture nor sound"):
        export(timeline, ["resolve"], tmp_path / "out")


def test_resolves_own_timeline_keeps_what_it_had(tmp_path: Path, sample: Path) -> None:
    theirs = resolves_own(sample)
    film = tmp_path / "happy_horse_cheerful_meadow.mp4"
    film.write_bytes(b"film")
    text = sample.read_text(encoding="utf-8")
    for clip in clips_of(theirs, "Video"):
        text = text.replace(clip["media_references"]["DEFAULT_MEDIA"]["target_url"], str(film))
    (done,) = export(parse_timeline(text.encode()), ["resolve"], tmp_path / "out")
    ours = json.loads(done.files[0].read_text(encoding="utf-8"))
    for kind in ("Video", "Audio"):
        for before, after in zip(clips_of(theirs, kind), clips_of(ours, kind), strict=True):
            assert after["metadata"] == before["metadata"]
            effects = [{k: v for k, v in e.items() if k != "enabled"} for e in after["effects"]]
            assert effects == before["effects"]
            assert after["source_range"] == before["source_range"]
    with pytest.raises(InvalidJob, match="are missing"):
        export(read_timeline(sample), ["resolve"], tmp_path / "out")


# --- time references -----------------------------------------------------------------------------


def broadcast(path: Path, reference: int, subtype: str = "PCM_24", before: bool = True) -> np.ndarray:
    """A Broadcast Wave file that begins at that sample of the day; its samples."""
    sound = np.random.default_rng(1).uniform(-0.9, 0.9, (4800, 2))
    sf.write(path, sound, 48000, subtype=subtype)
    data = path.read_bytes()
    chunk = bytearray(602)
    struct.pack_into("<Q", chunk, 338, reference)
    bext = b"bext" + struct.pack("<I", len(chunk)) + bytes(chunk)
    data = data[:12] + bext + data[12:] if before else data + bext
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    return sf.read(path, dtype="float64")[0]


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("before", [True, False])
def test_a_time_reference_goes_and_the_samples_stay(tmp_path: Path, subtype: str, before: bool) -> None:
    sound = broadcast(tmp_path / "a.wav", 172_800_000, subtype, before)
    assert begins_at(tmp_path / "a.wav") == 172_800_000
    padded(tmp_path / "a.wav", tmp_path / "b.wav")
    assert begins_at(tmp_path / "b.wav") == 0
    assert sf.info(tmp_path / "b.wav").subtype == subtype
    assert np.array_equal(sf.read(tmp_path / "b.wav", dtype="float64")[0], sound)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\0\0\0\0WAVEbext\xff\xff\xff\xff", b"fLaC" * 9])
def test_what_is_no_wav_has_no_time_reference(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert begins_at(tmp_path / "x") == 0


def test_the_export_copies_a_sound_that_has_one(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, seconds=1)
    given = tmp_path / "given & mixed.wav"
    sound = broadcast(given, 48_000 * 3600)
    before = given.read_bytes()
    sounds = (
        msgspec.structs.replace(programme.sounds[0], path=str(given), frames=4800),
        *programme.sounds[1:],
    )
    timeline = build(msgspec.structs.replace(programme, sounds=sounds))
    (done,) = export(timeline, ["resolve"], tmp_path / "out")
    ours = json.loads(done.files[0].read_text(encoding="utf-8"))
    media = [c["media_references"]["DEFAULT_MEDIA"]["target_url"] for c in clips_of(ours, "Audio")]
    assert Path(media[0]).parent == tmp_path / "out/resolve/media" and begins_at(Path(media[0])) == 0
    assert np.array_equal(sf.read(media[0], dtype="float64")[0], sound)
    assert Path(media[1]).samefile(programme.sounds[1].path)
    assert any("given & mixed.wav" in note for note in done.notes)
    assert given.read_bytes() == before


def test_the_runs_own_sounds_lie_beside_it_and_the_users_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme = small_programme(tmp_path, seconds=1, takes=True)
    given = tmp_path / "the film's sound.wav"
    broadcast(given, 0)
    sounds = (
        msgspec.structs.replace(programme.sounds[0], path=str(given), frames=4800),
        *programme.sounds[1:],
    )
    timeline = build(msgspec.structs.replace(programme, sounds=sounds))

    def look(place: Path, **wanted: Any) -> list[Path]:
        (done,) = export(timeline, ["resolve"], place, ExportOptions(**wanted))
        ours = json.loads(done.files[0].read_text(encoding="utf-8"))
        media = [Path(c["media_references"]["DEFAULT_MEDIA"]["target_url"]) for c in clips_of(ours, "Audio")]
        assert media[0] == given and all(path.is_file() for path in media)
        return media[1:]

    there = look(tmp_path / "exports")
    assert {path.parent for path in there} == {tmp_path / "exports/resolve/media"}
    film = "Bölüm 1 & _pilot_"
    assert {f"{film} - vocals.wav", f"{film} - music.wav"} <= {path.name for path in there}
    assert len(set(there)) == len(there) >= len(STEMS) + 2, "each take by itself"
    for path, sound in zip(there, sounds[1:], strict=False):
        assert path.samefile(sound.path), "no second copy on the disk"

    def refuse(*paths: Any) -> None:
        raise OSError("this disk knows no links")

    monkeypatch.setattr("os.link", refuse)
    for path, sound in zip(look(tmp_path / "exports"), sounds[1:], strict=False):
        assert path.read_bytes() == Path(sound.path).read_bytes() and not path.samefile(sound.path)
    assert not any("resolve" in path.parts for path in look(tmp_path / "exports", gather=False))
