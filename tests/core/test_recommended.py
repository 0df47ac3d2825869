"""The one table of recommended models, what takes from it, and Firefox's models by Mozilla's catalogue."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import firefox_models
import pytest
from command import dubline, shown

from dubline.backends.backend import Sought
from dubline.backends.diarizers.pyannote import Pyannote
from dubline.backends.recognizers.faster_whisper import FasterWhisper
from dubline.backends.separators.demucs import Demucs
from dubline.backends.translators.firefox import Firefox
from dubline.backends.translators.seq2seq_folder import usual_model
from dubline.cli.models import size_text
from dubline.errors import StorageFull, WeightsError
from dubline.weights import firefox_catalogue, intake_folders
from dubline.weights.fetching import about
from dubline.weights.firefox_catalogue import fetch_firefox
from dubline.weights.installation import requirements
from dubline.weights.known import KNOWN
from dubline.weights.recommended import (
    CDX23,
    HTDEMUCS,
    PYANNOTE,
    QUALITIES,
    RECOGNIZERS,
    Quality,
    all_rows,
    firefox,
    first,
    opus,
    translators,
)
from dubline.weights.starters import STARTERS

ROOT = Path(__file__).resolve().parents[2]


def test_every_row_tells_all_there_is_to_decide_by() -> None:
    for row in all_rows():
        assert row.licence and row.source and row.languages and row.kind and row.backend
        assert bool(row.quality) is not bool(row.asked), "taken for a quality, or only where it is named"
        assert row.name or not row.size or row.wheels or row.release, "what is fetched has a name"
        for extra in row.extras:
            assert requirements(extra), f"{row.name}: there is no extra {extra}"
        if row.name and not row.environment:
            place, licence = about(row.name)
            assert place and licence in ("", row.licence)
        if starter := STARTERS.get(row.name):
            assert row.size in (starter.size, sum(file.size for file in starter.files)), row.name


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("gpu", [False, True])
def test_each_quality_has_one_recognizer_for_each_machine(quality: Quality, gpu: bool) -> None:
    fitting = [row for row in RECOGNIZERS if quality in row.quality and row.gpu in (None, gpu)]
    assert fitting == [first(RECOGNIZERS, quality, gpu)]


def test_what_is_not_free_for_all_is_never_taken_unasked() -> None:
    by_name = {row.name for row in all_rows() if row.asked}
    assert {PYANNOTE.name, "htdemucs", "cdx23", "facebook/nllb-200-distilled-600M"} <= by_name
    for row in all_rows():
        if not row.asked:
            assert not re.search(r"-NC|research|scientific|non-commercial|[Nn]ot stated", row.licence), (
                row.name
            )


def test_back_ends_take_by_themselves_what_the_table_says() -> None:
    for device, gpu in (("cpu", False), ("cuda", True)):
        size = FasterWhisper.usual(device)
        assert FasterWhisper.repository(size) == first(RECOGNIZERS, "good", gpu).name
    assert f"`dubline models fetch {RECOGNIZERS[0].name}`" in FasterWhisper.how_to_get(Sought())
    assert Pyannote.Options().model == PYANNOTE.name
    assert HTDEMUCS.command in Demucs.how_to_get(Sought())
    assert CDX23.command in Demucs.how_to_get(Sought(content="film"))
    turkish = opus("tr", "en")
    assert turkish is not None and usual_model("tr", "en") == turkish.name
    assert HTDEMUCS.licence == KNOWN["htdemucs"].licence


def test_pairs_without_a_model_of_their_own_go_through_english() -> None:
    assert [row.name for row in translators("tr", "en", "draft")] == ["firefox-tr-en"]
    assert [row.name for row in translators("tr", "pt", "best")] == ["firefox-tr-en", "firefox-en-pt"]
    assert translators("ka", "en", "good") == () == firefox("pt", "ka")
    for source, target in (("de", "en"), ("tr", "en"), ("en", "de")):
        (row,) = translators(source, target, "good")
        assert row.backend == "ctranslate2"


def test_the_list_cuts_no_licence() -> None:
    listed = dubline("models", "list").out
    for row in all_rows():
        if row.name and not row.environment:
            assert re.search(rf"^{re.escape(row.name)}\b", listed, re.MULTILINE), row.name
            assert row.licence in listed and row.asked in listed
    assert all(known.licence in listed for known in KNOWN.values()) and "..." not in listed


# --- Mozilla's catalogue -----------------------------------------------------------------------


class Mozilla(ThreadingHTTPServer):
    """A catalogue and its files. `cut`: after how many bytes of a file the connection breaks, once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.records: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.cut = 0
        self.asked: list[tuple[str, str]] = []

    def offer(self, source: Path, pair: tuple[str, str], version: str, **other: Any) -> None:
        """A model's files under another pair's name."""
        kinds = {"model": "model", "vocab": "vocab", "lex": "lex"}
        for file in sorted(source.iterdir()):
            name = file.name.replace(source.name, "".join(pair))
            data = file.read_bytes()
            location = f"main-workspace/translations-models/{version}-{name}"
            self.files[f"/{location}"] = data
            attachment = {
                "hash": hashlib.sha256(data).hexdigest(), "size": len(data), "filename": name,
                "location": location, "mimetype": "application/octet-stream",
            }  # fmt: skip
            self.records.append(
                {"id": location, "name": name, "fromLang": pair[0], "toLang": pair[1], "version": version,
                 "fileType": kinds[name.partition(".")[0]], "attachment": {**attachment, **other}}
            )  # fmt: skip


class _Answers(BaseHTTPRequestHandler):
    server: Mozilla

    def do_GET(self) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.server.asked.append((self.path, self.headers.get("Range", "")))
        records = {"data": self.server.records}
        whole = json.dumps(records).encode() if self.path == "/records" else self.server.files.get(self.path)
        if whole is None:
            return self.send_error(404)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(whole) - start))
        self.end_headers()
        cut = self.server.cut if "model." in self.path else 0
        if cut:
            self.server.cut = 0
        self.wfile.write(whole[start:][: cut or None])

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def enpt() -> Path:
    return firefox_models.model("enpt")


@pytest.fixture
def mozilla(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mozilla]:
    with Mozilla() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(firefox_catalogue, "CATALOGUE", f"{address}records")
        monkeypatch.setattr(firefox_catalogue, "FILES", address)
        yield server
        server.shutdown()
        thread.join(10)


def test_a_pair_comes_from_the_catalogue_and_translates(
    mozilla: Mozilla, enpt: Path, own_models_folder: Path
) -> None:
    mozilla.offer(enpt, ("tr", "en"), "1.0")
    mozilla.records.append({"name": "of another form"})
    answer = dubline("models", "fetch", "firefox-tr-en")
    assert answer.status == 0, answer.err
    assert "version 1.0" in answer.out and "MPL-2.0" in answer.out and "its catalogue says" in answer.out
    place = own_models_folder / "firefox-tr-en"
    assert shown(place) == [
        "firefox-tr-en.card.json", "lex.50.50.tren.s2t.bin", "model.tren.intgemm.alphas.bin", "vocab.tren.spm"
    ]  # fmt: skip
    with Firefox(Firefox.Options(source="tr", target="en")) as opened:
        assert "firefox-tr-en (tr to en)" in opened.notes[0]
        assert opened.identities[0].licence.startswith("MPL-2.0")
    count = len(mozilla.asked)
    fetch_firefox("firefox-tr-en")
    assert len(mozilla.asked) == count, "what is there is not asked for again"


def test_of_several_versions_the_one_known_here_goes_first_else_the_newest_whole_one(
    mozilla: Mozilla, enpt: Path, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path
) -> None:
    for version in ("2.9", "2.10", "3.0a1"):
        mozilla.offer(enpt, ("tr", "en"), version)
    mozilla.offer(enpt, ("tr", "en"), "4.0")
    mozilla.records = [r for r in mozilla.records if (r["version"], r["fileType"]) != ("4.0", "vocab")]
    said: list[str] = []
    fetch_firefox("firefox-tr-en", say=said.append)
    assert "version 2.10:" in said[0]
    shutil.rmtree(own_models_folder)
    other = json.loads(json.dumps(next(r for r in mozilla.records if r["fileType"] == "model")))
    known = firefox_catalogue.KNOWN["tr", "en"]
    other["version"], other["attachment"]["hash"] = "1.0", known
    vocabulary = next(r for r in mozilla.records if r["fileType"] == "vocab")
    mozilla.records += [other, {**vocabulary, "version": "1.0"}]
    with pytest.raises(WeightsError, match=f"not {known[:16]}"):
        fetch_firefox("firefox-tr-en", say=said.append)
    assert "version 1.0:" in said[1], "and its bytes must be those"


def test_a_broken_download_goes_on_and_a_damaged_one_is_refused(
    mozilla: Mozilla, enpt: Path, own_models_folder: Path
) -> None:
    mozilla.offer(enpt, ("tr", "en"), "1.0")
    mozilla.cut = 1_000_000
    with pytest.raises(WeightsError, match=r"broke off|IncompleteRead") as caught:
        fetch_firefox("firefox-tr-en")
    assert "goes on where it stopped" in caught.value.hint
    assert "dubline models import FOLDER --name firefox-tr-en" in caught.value.hint
    ticks: list[tuple[float, float]] = []
    fetch_firefox("firefox-tr-en", report=lambda *tick: ticks.append(tick))
    assert ("bytes=1000000-") in {asked for _, asked in mozilla.asked}
    assert ticks[-1][0] == ticks[-1][1] == sum(len(data) for data in mozilla.files.values())
    assert [done for done, _ in ticks] == sorted(done for done, _ in ticks)
    shutil.rmtree(own_models_folder)
    model = next(path for path in mozilla.files if "model." in path)
    mozilla.files[model] = b"?" + mozilla.files[model][1:]
    with pytest.raises(WeightsError, match="SHA-256"):
        fetch_firefox("firefox-tr-en")
    assert not (own_models_folder / "firefox-tr-en").exists()


@pytest.mark.parametrize("location", ["../../x", "https://other.example/x", "/etc/passwd", "a/../b"])
def test_a_catalogue_leads_nowhere_else(mozilla: Mozilla, enpt: Path, location: str) -> None:
    mozilla.offer(enpt, ("tr", "en"), "1.0", location=location)
    with pytest.raises(WeightsError, match="Mozilla has no Firefox model from tr to en"):
        fetch_firefox("firefox-tr-en")
    assert [path for path, _ in mozilla.asked] == ["/records"]


def test_what_cannot_be_had_is_told(
    mozilla: Mozilla, enpt: Path, monkeypatch: pytest.MonkeyPatch, own_models_folder: Path
) -> None:
    mozilla.offer(enpt, ("tr", "en"), "1.0")
    with monkeypatch.context() as full:
        usage = type("Usage", (), {"free": 10})
        full.setattr(intake_folders.shutil, "disk_usage", lambda folder: usage)
        with pytest.raises(StorageFull, match="are free"):
            fetch_firefox("firefox-tr-en")
    mozilla.records.clear()
    assert "Mozilla has no Firefox model from tr to en" in dubline("models", "fetch", "firefox-tr-en").err
    monkeypatch.setattr(firefox_catalogue, "CATALOGUE", "http://127.0.0.1:9/records")
    with pytest.raises(WeightsError, match="could not be fetched from Mozilla"):
        fetch_firefox("firefox-tr-en")
    (own_models_folder / "firefox-tr-en").mkdir(parents=True)
    (own_models_folder / "firefox-tr-en" / "mine").touch()
    with pytest.raises(WeightsError, match="another model is kept"):
        fetch_firefox("firefox-tr-en")
    assert [path.name for path in own_models_folder.iterdir() if path.suffix != ".lock"] == ["firefox-tr-en"]


def test_the_page_on_models_says_what_the_table_says() -> None:
    page = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    lines = page.splitlines()
    for row in all_rows():
        fitting = [line for line in lines if f"`{row.name or row.backend}" in line and line.startswith("|")]
        if not row.name and not row.release:  # what comes with Dubline, or in its environment
            fitting = [line for line in lines if row.licence in line and line.startswith("|")]
        assert fitting, f"{row.kind} {row.name or row.backend} is not on the page"
        assert any(row.licence in line and (row.when or row.asked) in line for line in fitting), row.name
        if row.size:
            assert any(size_text(row.size) in line for line in fitting), row.name
