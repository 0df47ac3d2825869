"""Timelines of strangers: what they name is not handed out; and one target that cannot be stops no other."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from command import dubline, shown

KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\n"


def sound(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(path), np.zeros(48000, np.float32), 48000)
    return path


def edit(folder: Path, *media: Path, **facts: Any) -> Path:
    """An .otio file with a clip for each file."""
    folder.mkdir(parents=True, exist_ok=True)
    second = otio.opentime.TimeRange(otio.opentime.RationalTime(0, 25), otio.opentime.RationalTime(25, 25))
    track = otio.schema.Track(name="A", kind="Audio")
    for path in media:
        reference = otio.schema.ExternalReference(target_url=path.as_uri(), available_range=second)
        track.append(otio.schema.Clip(name=path.name, media_reference=reference, source_range=second))
    made = otio.schema.Timeline(name="edit", global_start_time=otio.opentime.RationalTime(0, 25))
    made.tracks.append(track)
    made.metadata["dubline"] = facts
    if facts.get("role"):
        track.metadata["dubline"] = facts
    otio.adapters.write_to_file(made, str(folder / "edit.otio"))
    return folder / "edit.otio"


def test_media_of_its_own_folder_come_along(tmp_path: Path) -> None:
    still = tmp_path / "job/media/still.png"
    path = edit(tmp_path / "job", sound(tmp_path / "job/media/a.wav"), still)
    with av.open(str(still), "w", format="image2") as file:
        stream = file.add_stream("png", rate=1, width=8, height=8, pix_fmt="rgb24")
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((8, 8, 3), np.uint8), format="rgb24")))
    assert dubline("export", path, "--to", "otioz").status == 0
    with zipfile.ZipFile(tmp_path / "job/edit.exports/otioz/edit.otioz") as bundle:
        assert {"media/a.wav", "media/still.png"} <= set(bundle.namelist())


@pytest.mark.parametrize("target", ["otioz", "aaf", "resolve"])
def test_what_lies_elsewhere_only_when_allowed(tmp_path: Path, target: str) -> None:
    if target == "aaf":
        pytest.importorskip("aaf2")
    path = edit(tmp_path / "job", sound(tmp_path / "home/private.wav"))
    done = dubline("export", path, "--to", target)
    assert done.status == 2 and "private.wav" in done.err and "--allow-outside" in done.err
    assert shown(tmp_path / "job/edit.exports") == []
    assert dubline("export", path, "--to", target, "--allow-outside").status == 0


@pytest.mark.parametrize("name", ["key", "key.txt", "key.wav", "key.png", "key.sw"])
def test_only_media_are_copied(tmp_path: Path, name: str) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / name).write_text(KEY * 40, encoding="utf-8")
    done = dubline(
        "export", edit(tmp_path / "job", tmp_path / "job" / name), "--to", "otioz", "--allow-outside"
    )
    assert done.status == 2 and name in done.err and "none" in done.err


def test_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job/a.wav").symlink_to(sound(tmp_path / "home/private.wav"))
    done = dubline("export", edit(tmp_path / "job", tmp_path / "job/a.wav"), "--to", "otioz")
    assert done.status == 2 and f"a link to {tmp_path}/home/private.wav" in done.err


@pytest.mark.parametrize("facts", [{"run": "HOME"}, {"role": "takes", "run": "HOME", "id": 1}])
@pytest.mark.parametrize("target", ["premiere", "otio"])
def test_a_forged_run_gathers_nothing(tmp_path: Path, target: str, facts: dict[str, Any]) -> None:
    home = tmp_path / "home"
    facts = {key: str(home) if value == "HOME" else value for key, value in facts.items()}
    facts |= {"sample_start": 0, "sample_rate": 48000, "samples": 48000} if "role" in facts else {}
    path = edit(tmp_path / "job", sound(home / "private.wav"), **facts)
    dubline("export", path, "--to", target)
    assert not [name for name in shown(tmp_path / "job/edit.exports") if name.endswith(".wav")]


def test_one_target_that_cannot_be_stops_no_other(tmp_path: Path) -> None:
    path = edit(tmp_path / "job", sound(tmp_path / "home/private.wav"))
    done = dubline("export", path, "--to", "srt,otioz,edl,premiere")
    assert done.status == 1
    assert [name.split("/")[0] for name in shown(tmp_path / "job/edit.exports")] == ["edl", "premiere"]
    assert "srt       not written: there are no subtitles" in done.err
    assert "otioz     not written:" in done.err
    alone = dubline("export", path, "--to", "srt")
    assert alone.status == 2


def test_subtitles_come_out_where_media_are_missing(tmp_path: Path) -> None:
    path = edit(tmp_path / "job", tmp_path / "gone.wav")
    content = json.loads(path.read_text(encoding="utf-8"))
    line = json.loads(json.dumps(content["tracks"]["children"][0]))
    line |= {"kind": "Subtitle"}
    line["children"][0] |= {"name": "Hi.", "media_references": {}}
    content["tracks"]["children"].append(line)
    path.write_text(json.dumps(content), encoding="utf-8")
    done = dubline("export", path, "--to", "premiere,srt")
    assert done.status == 1 and "premiere  not written: media of this timeline are missing" in done.err
    assert [name.split("/")[0] for name in shown(tmp_path / "job/edit.exports")] == ["srt"]
