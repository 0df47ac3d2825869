"""Projects for Kdenlive: what MLT makes of them, and what Kdenlive looks for in them."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from fractions import Fraction
from pathlib import Path

import melt
import numpy as np
import opentimelineio as otio
import pytest
from melt_cuts import cut_sounds
from small_programme import LINES, STARTS, small_programme

from dubline.subtitles.writing import read_subtitles
from otio_dubline.build import build
from otio_dubline.exporters import Exported, ExportOptions, export
from otio_dubline.exporters.mlt import COLOURS

needs_melt = pytest.mark.program("melt")
CLOSE = 0.01 * melt.LSB
"""A hundredth of a step of 16 bits: the mix is one of floats."""
RATES = [Fraction(text) for text in ("24000/1001", "24", "25", "30000/1001", "50", "60000/1001")]


def written(timeline: otio.schema.Timeline, place: Path, *languages: str) -> Exported:
    (done,) = export(timeline, ["kdenlive"], place, ExportOptions(languages=languages))
    return done


def held(element: ET.Element, name: str) -> str:
    return next((p.text or "" for p in element.findall("property") if p.get("name") == name), "")


@needs_melt
@pytest.mark.parametrize(
    ("rate", "start", "channels"),
    [
        ("24", STARTS[1], 1),
        ("24000/1001", STARTS[2], 6),
        ("30000/1001", STARTS[2], 2),
        ("60000/1001", STARTS[0], 1),
    ],
)
def test_what_plays_is_the_mix(tmp_path: Path, rate: str, start: str, channels: int) -> None:
    programme = small_programme(
        tmp_path, rate, start, channels, 3.3, levels={"music": -6.5, "sfx": 3.0, "original": 1.0}
    )
    out = max(channels, 2)
    sound = melt.render(written(build(programme), tmp_path / "exports").files[0], tmp_path / "o.wav", out)
    wanted = melt.expected(programme, out)
    assert sound.shape == wanted.shape
    assert np.abs(sound - wanted).max() < CLOSE


@needs_melt
@pytest.mark.parametrize("fps", RATES, ids=str)
def test_cuts_gaps_and_media_with_a_timecode(tmp_path: Path, fps: Fraction) -> None:
    timeline, wanted = cut_sounds(tmp_path, fps)
    sound = melt.render(written(timeline, tmp_path / "exports").files[0], tmp_path / "o.wav")
    assert sound.shape == wanted.shape
    assert np.abs(sound - wanted).max() < CLOSE


def test_the_document(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, channels=6, seconds=3)
    done = written(build(programme), tmp_path / "exports")
    mlt = ET.parse(done.files[0]).getroot()
    bin_ = next(p for p in mlt.iter("playlist") if p.get("id") == "main_bin")
    assert held(bin_, "kdenlive:docproperties.version") == "1.04"
    assert held(bin_, "kdenlive:docproperties.audioChannels") == "6"
    categories = json.loads(held(bin_, "kdenlive:docproperties.guidesCategories"))
    guides = json.loads(held(bin_, "kdenlive:docproperties.guides"))
    assert len({guide["pos"] for guide in guides}) == len(guides) == 3
    colours = {category["index"]: category["color"] for category in categories}
    assert [colours[guide["type"]] for guide in guides] == [COLOURS[c] for c in ("YELLOW", "RED", "MAGENTA")]
    assert "pending 4: en: Tamam." in guides[2]["comment"]
    ids = [element.get("id") for element in mlt.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    again = written(build(programme), tmp_path / "again")
    assert again.files[0].read_bytes() == done.files[0].read_bytes()


def test_one_language_is_shown_and_each_has_its_file(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, seconds=10))
    done = written(timeline, tmp_path / "exports")
    names = [file.name.removeprefix(done.files[0].stem) for file in done.files]
    assert names == [".kdenlive", ".kdenlive.srt", ".tr.srt", ".en.srt"]
    assert read_subtitles(done.files[1]).cues[0].text == f"Ayşe: {LINES['en'][0][0]}"
    filters = [held(f, "av.filename") for f in ET.parse(done.files[0]).getroot().iter("filter")]
    assert done.files[1].name in filters
    turkish = written(timeline, tmp_path / "exports", "tr")
    assert [file.name.removeprefix(done.files[0].stem) for file in turkish.files] == names[:3]
    assert read_subtitles(turkish.files[1]).cues[0].text == f"Ayşe: {LINES['tr'][0][0]}"


def test_what_is_lost_is_told(tmp_path: Path) -> None:
    place = tmp_path / "exports"
    lost = " ".join(written(build(small_programme(tmp_path, seconds=10)), place).lost)
    assert all(told in lost for told in ("01:00:00:00", "subtitle track", "length", "same frame"))
    plain = small_programme(tmp_path, start=STARTS[0], languages=("en",), marks=False, seconds=2)
    assert written(build(plain), place).lost == ()


def test_sound_at_another_rate_is_told(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, seconds=2, sample_rate=44100, video=False)
    assert any("44100" in note for note in written(build(programme), tmp_path / "exports").notes)


@needs_melt
def test_melt_shows_the_subtitles_wherever_the_folder_lies(tmp_path: Path) -> None:
    """The sidecar is found from the project's own place, also after the folder has moved."""
    programme = small_programme(tmp_path, "25", seconds=2, sounds=("vocals",), marks=False)
    done = written(build(programme), tmp_path / "exports")
    moved = tmp_path / "moved"
    shutil.move(done.files[0].parent, moved)
    project = moved / done.files[0].name
    with_text = melt.picture(project, tmp_path / "a.png", frame=5)
    (moved / done.files[1].name).write_text("")
    without = melt.picture(project, tmp_path / "b.png", frame=5)
    assert np.abs(with_text - without).max() > 50
