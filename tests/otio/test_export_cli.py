"""`dubline export` on runs that the other commands made, as a person gives it."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from command import dubline, shown
from localized_run import SAID, put_dub
from small_programme import STEMS, small_video, stem_sound

from dubline.values.transcript import Segment, Transcript, write_transcript
from dubline.values.translated import TranslatedSegment, Translation, translation_json
from dubline.weights.installation import extra_command
from otio_dubline import loss_table
from otio_dubline.exporters import edl, neutral


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a two-second film that went through `dubline separate`, with words put to it."""
    folder = tmp_path_factory.mktemp("film & söz")
    film = folder / "Bölüm & 1.mov"
    small_video(film, Fraction(30000, 1001), 60, "00:59:58;00", stem_sound("vocals", 2, 96096))
    lines = folder / "lines.srt"
    lines.write_text("1\n00:00:00,500 --> 00:00:01,000\nGel.\n", encoding="utf-8")
    done = dubline("separate", film, "--separator", "builtin", "--lines", lines)
    assert done.status == 0, done.err
    root = folder / "Bölüm & 1.dubline"
    segment = Segment(id=1, start=0.5, end=1.0, speaker="", text="Gel.")
    write_transcript(Transcript(language="tr", duration=2.0, segments=(segment,)), root / "transcript.json")
    line = TranslatedSegment(
        id=1, start=0.5, end=1.0, speaker="", text=None, source_text="Gel.", state="translated"
    ).with_text("Come.")
    (root / "translated.json").write_bytes(
        translation_json(
            Translation(source_language="tr", target_language="en", duration=2.0, segments=(line,))
        )
    )
    return root


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of the run folder; the film stays where it is."""
    return Path(shutil.copytree(made, tmp_path / made.name))


@pytest.mark.parametrize("kind", ["srt", "vtt", "ass"])
def test_both_languages_in_one_file_as_subtitles_export_writes_them(run: Path, kind: str) -> None:
    done = dubline("export", run, "--to", kind, "--bilingual", "--lang", "en")
    assert (done.status, done.err) == (0, "")
    (both,) = (run / "exports" / kind).glob(f"*.en.{kind}")
    sent = dubline("subtitles", "export", run, "--lang", "en", "--bilingual", "--format", kind)
    assert sent.status == 0 and both.read_bytes() == Path(sent.out.strip()).read_bytes()
    text = both.read_text("utf-8")
    assert text.index("Gel.") < text.index("Come.")
    dubline("export", run, "--to", kind, "--lang", "en")
    assert "Gel." not in both.read_text("utf-8")


def test_both_languages_are_for_subtitles_of_a_run(run: Path, tmp_path: Path) -> None:
    assert dubline("export", run, "--to", "otio").status == 0
    for words in ((run, "--to", "edl"), (run / "timeline.otio", "--to", "srt")):
        refused = dubline("export", *words, "--bilingual")
        assert refused.status == 2 and "--to srt, vtt or ass" in refused.err, refused


def test_several_targets(run: Path) -> None:
    done = dubline("export", run, "--to", "otio,edl", "--to", "srt")
    assert (done.status, done.err) == (0, "")
    exports = run / "exports"
    assert shown(exports) == [
        "edl/Bölüm & 1.edl",
        "otio/Bölüm & 1.otio",
        *(f"sounds/Bölüm & 1 - {name}.wav" for name in sorted((*STEMS, "original"))),
        "srt/Bölüm & 1.en.srt",
        "srt/Bölüm & 1.tr.srt",
    ]
    assert str(exports / "otio/Bölüm & 1.otio") in done.out
    assert "not carried  audio tracks beyond the second: sfx, ambient" in done.out
    assert "beside it    1 more file\n" in done.out
    timeline = otio.adapters.read_from_file(str(exports / "otio/Bölüm & 1.otio"))
    assert [t.name for t in timeline.tracks] == ["picture", "original", *STEMS, "tr unknown", "en unknown"]
    assert timeline.duration().value == 60
    assert {track.duration().value for track in timeline.tracks} == {60.0}
    label = otio.opentime.to_timecode(timeline.global_start_time, 30000 / 1001, True)
    assert label == "00:59:58;00"
    media = [c.media_reference.target_url for t in timeline.tracks[:6] for c in t.find_clips()]
    assert all(Path(otio.url_utils.filepath_from_url(url)).is_file() for url in media)
    again = dubline("export", run, "--to", "otio")
    assert again.status == 0 and "edl/Bölüm & 1.edl" in shown(exports)


def test_a_run_with_a_dub(run: Path) -> None:
    put_dub(run, SAID)
    done = dubline("export", run, "--to", "otio,premiere")
    assert (done.status, done.err) == (0, "")
    copies = [name for name in shown(run / "exports") if name.startswith("takes/")]
    assert [name.split()[1] for name in copies] == ["00001", "00002"], "made once for both"

    def heard(*words: str) -> list[str]:
        done = dubline("export", run, "--to", "otio", *words)
        assert (done.status, done.err) == (0, "")
        timeline = otio.adapters.read_from_file(str(run / "exports/otio/Bölüm & 1.otio"))
        return [track.name for track in timeline.audio_tracks() if track.enabled]

    assert heard() == ["dub en"]
    assert heard("--lang", "tr") == list(STEMS)
    assert heard("--remix") == ["music", "sfx", "ambient", "takes en SPEAKER_00", "takes en SPEAKER_01"]
    assert heard("--no-takes") == ["dub en"]
    text = (run / "exports/otio/Bölüm & 1.otio").read_text(encoding="utf-8")
    assert "takes en" not in text and "M&E.wav" in text.replace("%26", "&")
    done = dubline("export", run, "--to", "otio", "--remix", "--no-takes")
    assert done.status == 2 and "without voices" in done.err
    for path in run.glob("work/steps/speak-en/takes/*.wav"):
        path.unlink()
    done = dubline("export", run, "--to", "kdenlive")
    assert done.status == 2 and "00001.wav" in done.err and "missing" in done.err
    assert dubline("export", run, "--to", "kdenlive", "--no-takes").status == 0


def test_a_new_mix_needs_takes(run: Path) -> None:
    done = dubline("export", run, "--to", "otio", "--remix")
    assert done.status == 2 and "no takes" in done.err and "dubline dub" in done.err


def test_languages_and_places(run: Path, tmp_path: Path) -> None:
    place = tmp_path / "for the mixer"
    done = dubline("export", run, "--to", "vtt", "--lang", "en", "--out", place)
    assert done.status == 0 and shown(place) == ["vtt/Bölüm & 1.en.vtt"]
    done = dubline("export", run, "--to", "vtt", "--lang", "en,de", "--out", place)
    assert done.status == 2
    assert done.err.splitlines() == ["dubline: there are no subtitles in de", "  This timeline has: en, tr."]


def test_an_otio_file_of_somebody_else(run: Path, tmp_path: Path) -> None:
    dubline("export", run, "--to", "otio", "--out", tmp_path)
    edit = tmp_path / "edit.otio"
    timeline = otio.adapters.read_from_file(str(tmp_path / "otio/Bölüm & 1.otio"))
    timeline.metadata.clear()
    shutil.copy(run / "stems/music.wav", tmp_path / "a music.wav")
    timeline.tracks[3][0].media_reference.target_url = "a%20music.wav"  # beside the timeline
    otio.adapters.write_to_file(timeline, str(edit))
    done = dubline("export", edit, "--to", "edl,resolve")
    assert (done.status, done.err) == (0, "")
    assert "exports/edl" in done.out and (tmp_path / "edit.exports/edl/Bölüm & 1.edl").is_file()
    written = otio.adapters.read_from_file(str(tmp_path / "edit.exports/resolve/Bölüm & 1.otio"))
    assert written.tracks[3][0].media_reference.target_url == str(tmp_path / "a music.wav")
    edit.write_text("{", encoding="utf-8")
    done = dubline("export", edit, "--to", "edl")
    assert done.status == 2 and "is not JSON" in done.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--to", "otio"], "nothing to export"),
        (["RUN"], "no target was named"),
        (["RUN", "--to", " , "], "no target was named"),
        (["RUN", "--to", "otio,avid"], "there is no target 'avid'"),
        (["RUN/none", "--to", "otio"], "there is no "),
        (["RUN/stems", "--to", "otio"], "nothing in "),
        (["RUN/stems/music.wav", "--to", "otio"], "neither a run folder nor an .otio file"),
        (["RUN", "--to", "otio", "--rate", "fast"], "'fast' is not a frame rate"),
        (["RUN", "--to", "otio", "--rate", "25"], "runs at 30000/1001 frames a second, not at 25"),
        (["RUN", "--to", "srt", "--linked"], "--linked is about an AAF"),
        (["RUN", "--to", "otio", "--schema", "9"], "no schema family '9'"),
    ],
)
def test_what_is_wrong_is_said(run: Path, words: list[str], reason: str) -> None:
    done = dubline("export", *(word.replace("RUN", str(run)) for word in words))
    assert done.status == 2 and reason in done.err
    assert len(done.err.splitlines()) == 2  # what, and what to do
    assert shown(run / "exports") == [] if (run / "exports").exists() else True
    assert not list(run.glob("stems/exports*"))


def test_missing_media_but_subtitles(run: Path) -> None:
    (run / "stems/music.wav").unlink()
    for path in run.glob("work/steps/*/music.wav"):
        path.unlink()
    done = dubline("export", run, "--to", "otio")
    assert done.status == 2 and "music.wav" in done.err
    assert dubline("export", run, "--to", "srt").status == 0


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (KeyboardInterrupt(), 130, "stopped"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "is full"),
    ],
)
def test_a_fault_leaves_what_was_there(
    run: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException, status: int, told: str
) -> None:
    assert dubline("export", run, "--to", "otio,edl").status == 0
    before = {path: path.read_bytes() for path in (run / "exports").rglob("*") if path.is_file()}
    export = edl.export

    def half(timeline: Any, folder: Path, options: Any) -> Any:
        export(timeline, folder, options)
        raise fault

    monkeypatch.setattr(edl, "export", half)
    done = dubline("export", run, "--to", "edl,otio")
    assert done.status == status and told in done.err
    after = {path: path.read_bytes() for path in (run / "exports").rglob("*") if path.is_file()}
    assert after == before
    assert not list((run / "exports").glob(".*.part")) and not list((run / "exports").glob(".*.old"))


def test_a_run_at_work_is_exported_as_it_is_so_far(run: Path) -> None:
    from dubline.run import Run

    assert "is being worked on" not in dubline("export", run, "--to", "srt").out
    with Run(run):
        done = dubline("export", run, "--to", "srt")
    assert done.status == 0 and f"{run.name} is being worked on" in done.out


def test_two_at_once(run: Path) -> None:
    from filelock import FileLock

    (run / "exports").mkdir()
    with FileLock(run / "exports/.lock"):
        done = dubline("export", run, "--to", "otio")
    assert done.status == 2 and "another Dubline is exporting" in done.err


def test_the_list_names_every_target() -> None:
    done = dubline("export", "--list")
    assert done.status == 0
    rows = done.out.splitlines()
    assert [row.split()[0] for row in rows][:3] == ["otio", "otioz", "resolve"]
    assert neutral.TITLE in rows[0]


def test_asking_for_help_is_light() -> None:
    code = (
        "import sys\nfrom dubline.cli import main\nsys.argv = ['dubline', 'export', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'opentimelineio', 'numpy', 'torch', 'av', 'otio_dubline'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]" and "--list" in done.stdout


def test_the_table_in_the_documentation_is_current(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = Path(__file__).resolve().parents[2] / "docs/timelines.md"
    text = document.read_text(encoding="utf-8")
    assert loss_table.renewed(text) == text, "run: python -m otio_dubline.loss_table docs/timelines.md"
    assert "| ? |" not in text
    copy = tmp_path / "x.md"
    copy.write_text(f"a\n{loss_table.BEGIN}\nold\n{loss_table.END}\nb", encoding="utf-8")
    assert loss_table.main([str(copy)]) == 0
    assert "old" not in copy.read_text(encoding="utf-8") and copy.read_text(encoding="utf-8").endswith("b")
    assert loss_table.main([str(tmp_path / "none.md")]) == 2
    assert loss_table.main([]) == 0 and "| picture | yes |" in capsys.readouterr().out


def test_a_target_without_its_library_says_how_to_get_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "otio_dubline.exporters.aaf", raising=False)
    monkeypatch.setattr("otio_dubline.exporters.import_module", absent)
    done = dubline("export", run, "--to", "aaf")
    assert done.status == 3
    assert "the target 'aaf' needs aaf2" in done.err and extra_command("aaf") in done.err
    listed = dubline("export", "--list")
    assert listed.status == 0 and "not installed" in listed.out


def absent(name: str) -> Any:
    """An import on a machine without pyaaf2."""
    raise ModuleNotFoundError("No module named 'aaf2'", name="aaf2")
