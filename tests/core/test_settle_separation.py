"""Who separates when the user leaves it open, and that a named choice is never replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from random_demucs import FILM, htdemucs, save_bag

from dubline.backends import choosing
from dubline.backends.separators.deepfilternet import DeepFilterNet
from dubline.errors import BackendMissing, InvalidJob, WeightsError
from dubline.separation.way import Separating, settle_separation
from dubline.values.wishes import SeparateWish
from dubline.weights.intake_files import import_model

pytestmark = pytest.mark.usefixtures("any_bytes")

PLAIN = "builtin" if DeepFilterNet.missing() else "deepfilternet"
"""Who takes dialogue where there is no model."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    onnx = folder / "voc.onnx"
    onnx.write_bytes(b"routing does not open it")
    onnx.with_suffix(".json").write_text("{}")
    return {
        "voc": onnx,
        "music": save_bag(folder / "music", "music", [htdemucs(seed=1)]),
        "film": save_bag(folder / "film", "film", [htdemucs(FILM, seed=2)]),
    }


def bring(files: dict[str, Path], *names: str) -> None:
    from dubline.weights.files import models_folder

    for name in names:
        import_model(files[name], name=name)
        if name == "film":
            card = models_folder() / name / "film.card.json"
            card.write_text(json.dumps({**json.loads(card.read_text()), "sources": list(FILM)}))


def settled(heard: str = "dialogue", **wish: Any) -> Separating:
    """Settled, where it must be listened for with this kind of content."""
    separating = settle_separation(SeparateWish(**wish))
    return separating.again((heard, f"heard: {heard}")) if separating.again else separating


def chain(heard: str = "dialogue", **wish: Any) -> tuple[str, str, str]:
    """(separator, its model, film model)."""
    job = settled(heard, **wish).job
    film = job.film.options["model"] if job.film else ""
    return job.separator.backend, job.separator.options.get("model", ""), film


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Some separators lose a library that they need."""
    declared = choosing._declared

    def fewer(kind: str) -> Any:
        known = declared(kind)
        for name in names:
            info, cls = known[name]
            gone = choosing.BackendInfo(info.kind, name, info.package, ("torch",), "pip install torch")
            known[name] = (gone, cls)
        return known

    monkeypatch.setattr(choosing, "_declared", fewer)


@pytest.mark.parametrize(
    ("there", "content", "expected"),
    [
        ((), "dialogue", (PLAIN, "", "")),
        ((), "music", ("builtin", "", "")),
        (("voc",), "dialogue", ("uvr", "voc", "")),
        (("music",), "dialogue", ("demucs", "music", "")),
        (("music", "voc"), "dialogue", ("uvr", "voc", "")),
        (("music", "voc"), "music", ("demucs", "music", "")),
        (("music", "voc", "film"), "cinematic", ("demucs", "music", "film")),
        (("voc", "film"), "cinematic", ("uvr", "voc", "film")),
        (("music", "voc", "film"), "dialogue", ("uvr", "voc", "film")),
        (("music", "voc", "film"), "music", ("demucs", "music", "")),
        (("film",), "cinematic", ("demucs", "film", "")),
        (("film",), "dialogue", (PLAIN, "", "")),
    ],
)
def test_what_is_taken_for_a_content_that_was_heard_or_named(
    files: dict[str, Path], there: tuple[str, ...], content: Any, expected: tuple[str, str, str]
) -> None:
    bring(files, *there)
    for separating in (settled(content), settled(content=content)):
        film = separating.job.film
        separator = separating.job.separator
        found = (separator.backend, separator.options.get("model", ""), film.options["model"] if film else "")
        assert found == expected
        assert separating.wish.content == content
        reasons = " ".join(separating.reasons)
        assert expected[0] in reasons and expected[1] in reasons
    assert f"heard: {content}" in settled(content).reasons


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (("music", "voc"), ("demucs", "music", "")),
        (("voc",), ("uvr", "voc", "")),
        ((), (PLAIN, "", "")),
    ],
)
def test_a_film_that_was_heard_does_without_a_film_model_and_says_so(
    files: dict[str, Path], there: tuple[str, ...], expected: tuple[str, str, str]
) -> None:
    bring(files, *there)
    separating = settled("cinematic")
    assert chain("cinematic") == expected
    told = " ".join(separating.reasons)
    assert "by estimate" in told and "dubline models" in told
    assert "demucs" in told, "what was passed over is named"
    # The run keeps what was found, and the next command does the same again, also with a new film model here.
    assert settle_separation(SeparateWish(), separating.wish).job == separating.job
    bring(files, "film")
    assert settle_separation(SeparateWish(), separating.wish).job == separating.job


def test_nothing_is_listened_for_that_decides_nothing(files: dict[str, Path]) -> None:
    bring(files, "voc", "music")
    assert settle_separation(SeparateWish()).again is not None
    for wish in (
        SeparateWish(content="music"),
        SeparateWish(separator="builtin"),
        SeparateWish(separator_model="voc"),
    ):
        assert settle_separation(wish).again is None
    bring(files, "film")
    assert settle_separation(SeparateWish(separator_model="voc")).again is not None
    assert settle_separation(SeparateWish(film_model="film")).again is None


def test_a_separator_without_models_says_what_it_costs() -> None:
    (reason,) = [r for r in settled().reasons if r.startswith("separator")]
    assert "audible" in reason and "dubline models fetch" in reason


def test_a_named_separator_is_never_replaced(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    bring(files, "voc")
    assert chain(separator="builtin")[0] == "builtin"
    with pytest.raises(WeightsError, match="demucs") as none:
        settled(separator="demucs")
    assert "htdemucs" in none.value.hint
    with pytest.raises(InvalidJob, match="nosuch") as caught:
        settled(separator="nosuch")
    assert "demucs" in caught.value.hint
    without(monkeypatch, "demucs")
    with pytest.raises(BackendMissing, match="torch") as missing:
        settled(separator="demucs", separator_model="music")
    assert "pip install" in missing.value.hint


def test_auto_passes_over_what_is_not_installed_and_says_so(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(files, "voc", "music")
    without(monkeypatch, "uvr")
    separating = settled()
    assert separating.job.separator.backend == "demucs"
    assert any("uvr is not installed" in reason for reason in separating.reasons)
    without(monkeypatch, "demucs", "deepfilternet")
    assert settled().job.separator.backend == "builtin"
    without(monkeypatch, "builtin")
    with pytest.raises(WeightsError, match="not installed") as caught:
        settled()
    assert caught.value.hint


def test_a_named_model_finds_its_separator(files: dict[str, Path]) -> None:
    bring(files, "voc", "music")
    assert chain(separator_model="music") == ("demucs", "music", "")
    assert chain(separator_model=str(files["voc"]))[0] == "uvr"
    assert chain(separator_model=str(files["music"]), content="dialogue")[0] == "demucs"


@pytest.mark.parametrize("content", ["auto", "dialogue", "music"])
def test_a_named_model_that_cannot_be_used_is_the_error(content: Any, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no model 'nosuch'"):
        settled(separator_model="nosuch", content=content)
    (tmp_path / "bag.yaml").write_text("models: [absent]")
    with pytest.raises(WeightsError, match="absent"):
        settled(separator_model=str(tmp_path / "bag.yaml"), content=content)


def test_builtin_takes_no_model() -> None:
    with pytest.raises(InvalidJob, match="takes no model"):
        settled(separator="builtin", separator_model="x")


def test_film_models(files: dict[str, Path]) -> None:
    with pytest.raises(WeightsError, match="film model") as caught:
        settled(content="cinematic")
    assert "--film-model" in caught.value.hint
    bring(files, "voc")
    path = str(files["film"])
    assert chain(film_model=path) == ("uvr", "voc", path), "naming one is asking for it"
    assert chain(film_model=path, separator="builtin") == ("builtin", "", path)
    assert chain(film_model=path, separator="builtin", content="dialogue") == ("builtin", "", path)
    with pytest.raises(InvalidJob, match="music"):
        settled(content="music", film_model=path)


def test_options_reach_the_models_that_know_them(files: dict[str, Path]) -> None:
    bring(files, "music", "film")
    options = {"overlap": 0.5, "shifts": 2, "precision": "fp32"}
    job = settled(separator_options=options).job
    assert job.separator.options == {**options, "model": "music"}
    assert job.film is not None
    assert (job.film.backend, job.film.options) == ("demucs", {**options, "model": "film"})
    with pytest.raises(InvalidJob, match="shifts") as caught:
        settled(separator="builtin", separator_options={"shifts": 2}, content="dialogue")
    assert "rnnoise" in caught.value.hint


def test_other_weights_under_the_same_name_are_another_job(files: dict[str, Path], tmp_path: Path) -> None:
    jobs = []
    for seed in (1, 1, 5):
        save_bag(tmp_path, "house", [htdemucs(seed=seed)])
        jobs.append(settled(separator="demucs", separator_model=str(tmp_path / "house.yaml")).job)
        for file in tmp_path.glob("*.th"):
            file.unlink()
    assert jobs[0] == jobs[1] != jobs[2]


def test_what_is_settled_is_what_the_run_keeps(files: dict[str, Path]) -> None:
    """A better model that came in later is taken when somebody asks, and not before."""
    before = settled("dialogue").wish
    assert before.separator == PLAIN
    bring(files, "voc")
    assert settle_separation(SeparateWish(), before).job.separator.backend == PLAIN
    assert settle_separation(SeparateWish(separator="auto"), before).job.separator.backend == "uvr"
    assert settle_separation(SeparateWish(separator_model="voc"), before).job.separator.backend == "uvr"
    assert settle_separation(SeparateWish(forget=True), before).job.separator.backend == "uvr"


def test_a_film_model_that_was_named_is_not_the_voice_model_too(files: dict[str, Path]) -> None:
    """A card need not say what a model returns; naming it does."""
    import_model(files["film"], name="a-film")
    import_model(files["music"], name="music")
    assert chain(film_model="a-film") == ("demucs", "music", "a-film")
    assert chain(film_model="a-film", separator="demucs") == ("demucs", "music", "a-film")


@pytest.mark.parametrize(
    ("content", "wish", "there", "split"),
    [
        ("dialogue", {}, (), True),
        ("cinematic", {}, (), True),
        ("dialogue", {}, ("voc",), True),
        ("music", {}, (), False),
        ("dialogue", {"ambient": False}, (), False),
        ("dialogue", {"background": "sum"}, (), False),
        ("dialogue", {}, ("voc", "film"), False),
    ],
)
def test_a_bed_is_split_by_estimate_where_no_model_does_it(
    files: dict[str, Path], content: str, wish: dict[str, Any], there: tuple[str, ...], split: bool
) -> None:
    bring(files, *there)
    assert settled(content, **wish).job.split is split
