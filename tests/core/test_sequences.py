"""Commands one after the other on one run: what is computed again is exactly what depends on a change, and
stems, timeline, mix and exports are the same thing."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command import Answer, dubline
from run_to_dub import hum
from strangers import install

from dubline.programme.coherence import at_odds
from dubline.programme.reading import read_programme, read_translations
from dubline.run import read_manifest
from dubline.values.dubbed import read_dub
from dubline.values.layout import Layout

RATE = 48000


class Sequence:
    """A film's sound, its run, and what the last command made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.media, self.root = folder, folder / "film.wav", folder / "film.dubline"
        noise = np.random.default_rng(5).normal(size=(3 * RATE, 2)) * 0.05
        soundfile.write(self.media, noise, RATE, subtype="PCM_24")
        self.answer = Answer(0, "", "")

    def run(self, command: str, *words: str | Path) -> dict[str, list[str]]:
        """What a command did: "done" and "kept", the names of steps."""
        before = {record.key for record in read_manifest(self.root).steps}
        where = self.root if command in ("translate", "dub") else self.media
        self.answer = dubline(command, where, *words)
        assert self.answer.status == 0, self.answer.err
        made = [r for r in read_manifest(self.root).steps if r.key not in before]
        return {"done": [r.name for r in made], "kept": [r.name for r in read_manifest(self.root).steps]}

    def made(self, command: str, *words: str | Path) -> set[str]:
        """The steps that a command computed, those that only note something left out."""
        return set(self.run(command, *words)["done"]) - {"original"}

    def share(self, path: Path) -> float:
        """How much of the film's sound is in a file: the voices' share tells the separator."""
        sound, film = (soundfile.read(p, dtype="float64")[0] for p in (path, self.media))
        return float(np.sum(sound * film) / np.sum(film * film))

    def shares(self) -> dict[str, float]:
        """The share of the voices, in each place that shows, mixes or exports them: all must agree."""
        programme = read_programme(self.root)
        shown = {track.role: Path(track.path) for track in programme.sounds}
        shares = {
            "stems/": self.share(self.root / "stems/vocals.wav"),
            "timeline": self.share(shown["vocals"]),
            "background": 1
            - sum(self.share(self.root / f"stems/{name}.wav") for name in ("music", "sfx", "ambient")),
        }
        if (self.root / "work/dubbed.json").exists():
            mix = read_dub(self.root / "work/dubbed.json").mix
            assert mix is not None
            (mixed,) = [
                r for r in read_manifest(self.root).steps if mix.wav.startswith(f"steps/remix-{r.key}/")
            ]
            heard = {stem["name"]: stem["path"] for stem in mixed.inputs[0]["stems"]}
            shares["mix"] = self.share(Layout(self.root).file(heard["vocals"]))
        return shares

    def agree(self, voices: float) -> bool:
        return all(abs(share - voices) < 0.01 for share in self.shares().values())


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a stranger's package is installed."""
    folder = tmp_path / "site"
    install(folder)
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def film(tmp_path: Path, plugins: Path, monkeypatch: pytest.MonkeyPatch) -> Sequence:
    # The film is noise, in which nobody would be believed to speak.
    monkeypatch.setattr("dubline.recognition.way.detector", lambda: ())
    return Sequence(tmp_path)


WHO = ("--diarizer", "one", "--recognizer", "fixed", "--language", "en")
HEARING = (*WHO, "--on", "vocals")
HEARD = {"listen", "diarize", "witness", "recognize", "cut"}


def test_what_the_run_has_is_never_made_again_unasked(film: Sequence) -> None:
    assert film.made("separate", "--separator", "thirds") == {"separate"}
    assert film.agree(0.125)
    # Other commands take the run's own stems, whatever `auto` would choose.
    assert film.made("transcribe", *HEARING) == HEARD
    assert film.made("translate", "--to", "es", "--translator", "loud", "--from", "en") >= {"translate"}
    assert film.made("dub", "--to", "es", *hum(film.folder)) >= {"speak", "remix"}
    assert film.agree(0.125)
    for command, words in (
        ("separate", ()), ("transcribe", ()), ("translate", ("--to", "es")), ("dub", ()),
    ):  # fmt: skip
        assert not film.made(command, *words), f"{command}: what is left out stays as the run has it"
    assert film.agree(0.125)


def test_one_change_in_each_place_makes_exactly_what_depends_on_it(film: Sequence) -> None:
    film.made("separate", "--separator", "thirds")
    film.made("transcribe", *HEARING)
    film.made("translate", "--to", "es", "--translator", "loud")
    film.made("dub", *hum(film.folder))

    # Another separator: the stems, and in the dub what is mixed from them. Words wait for their own command.
    assert film.made("separate", "--separator", "halves") == {"separate"}
    assert film.agree(0.5) is False, "the mix is still the old one"
    assert film.made("dub") <= {"pitch", "speak", "remix"} and film.agree(0.5)
    assert film.made("transcribe") == {"listen", "diarize", "witness", "recognize"}, (
        "the words came out the same"
    )

    # Another setting of the recognizer: its words and what is made of them.
    assert film.made("transcribe", "--recognizer-option", "word=Goodbye.") == {"recognize", "cut"}
    assert "translate" in film.made("translate", "--to", "es")
    lines = json.loads((film.root / "translated.json").read_text(encoding="utf-8"))["segments"]
    assert lines[0]["text"] == "GOODBYE!", "the run's own translator"

    # A setting of the translator.
    assert "translate" in film.made("translate", "--to", "es", "--translator-option", "mark=?")
    assert film.made("dub") >= {"speak"} and film.agree(0.5)

    # A level of the mix: the mix alone.
    assert film.made("dub", "--duck", "6") == {"remix"}
    assert not film.made("dub"), "still ducked"

    # Back again: the steps are still there.
    assert not film.made("separate", "--separator", "thirds")
    assert film.shares()["stems/"] == pytest.approx(0.125, abs=0.01)
    film.made("dub")
    assert film.agree(0.125)


def test_an_ear_that_changes_is_heard_again_and_the_other_is_not(film: Sequence) -> None:
    assert film.made("transcribe", *WHO, "--on", "mix") == {
        "listen",
        "diarize",
        "witness",
        "recognize",
        "cut",
    }
    assert film.made("transcribe", "--words-from", "deepfilternet") == {"enhance", "witness", "recognize"}
    assert film.made("transcribe", "--turns-from", "deepfilternet") == {"diarize", "witness"}, "no new turns"
    assert not film.made("transcribe")
    assert film.made("transcribe", "--words-from", "mix") == {"witness", "recognize"}, "by the voice's edges"
    # Left open, nothing is separated for it.
    assert film.made("transcribe", "--on", "auto") == {"choose_turns"}, "both were heard"
    assert not film.made("transcribe")
    film.made("separate", "--separator", "halves")
    assert not film.made("transcribe"), "the stems are not listened to"
    assert film.made("transcribe", "--turns-from", "vocals") == {"listen", "diarize", "witness"}


def test_another_version_computes_again_and_says_why(film: Sequence, plugins: Path) -> None:
    film.made("separate", "--separator", "halves")
    assert film.agree(0.5)
    install(plugins, version="0.2")
    importlib.invalidate_caches()
    assert film.made("separate") == {"separate"} and film.agree(0.25)
    assert "strange-ends 0.1" in film.answer.err and "strange-ends 0.2" in film.answer.err
    # Nobody asked for stems here: those of the run serve.
    install(plugins, version="0.1")
    importlib.invalidate_caches()
    assert "separate" not in film.made("transcribe", *HEARING) and film.agree(0.25)


def test_forget_begins_anew(film: Sequence) -> None:
    film.made("separate", "--separator", "thirds", "--separator-option", "gain=0.5")
    assert film.shares()["stems/"] == pytest.approx(0.0625, abs=0.01)
    film.made("separate", "--separator", "halves")
    assert film.shares()["stems/"] == pytest.approx(0.5, abs=0.01), "the other's options go with it"
    film.made("separate", "--forget")
    assert read_manifest(film.root).wishes["separate"]["separator"] in ("builtin", "deepfilternet")


def dubbed(film: Sequence) -> None:
    film.made("separate", "--separator", "thirds")
    film.made("transcribe", *HEARING)
    film.made("translate", "--to", "es", "--translator", "loud")
    film.made("dub", *hum(film.folder))


def exported(film: Sequence) -> str:
    answer = dubline("export", film.root, "--to", "otio")
    assert answer.status == 0, answer.err
    return answer.out + answer.err


def test_what_does_not_belong_together_is_told(film: Sequence) -> None:
    dubbed(film)
    assert "since" not in exported(film) and at_odds(film.root, read_translations(film.root)) == ()

    film.made("separate", "--separator", "halves")
    assert "the dub in es was mixed from stems that have been made again since" in exported(film)
    film.made("dub")
    assert "made again since" not in exported(film)

    film.made("transcribe", "--recognizer-option", "word=Goodbye.")
    assert "the transcript has changed since it was translated into es (1 line)" in exported(film)
    film.run("dub")
    assert "the transcript has changed" in film.answer.err
    film.made("translate")
    film.run("dub")
    assert "has changed" not in film.answer.err + exported(film)


def test_another_film_under_the_same_name_is_told(film: Sequence) -> None:
    dubbed(film)
    noise = np.random.default_rng(6).normal(size=(5 * RATE, 2)) * 0.05
    soundfile.write(film.media, noise, RATE, subtype="PCM_24")
    words = "film.wav is not the file any more that film.dubline was made of"
    assert words in exported(film)
    film.run("dub")
    assert words in film.answer.err
    film.made("separate")
    told = exported(film)
    assert words not in told and "the transcript is of a sound of 3.0 s, and this one has 5.0 s" in told


def test_the_run_of_another_film_is_not_taken_over(film: Sequence) -> None:
    dubbed(film)
    other = film.folder / "other.wav"
    soundfile.write(other, np.zeros((RATE, 2)), RATE, subtype="PCM_24")
    before = (film.root / "work/run.json").read_bytes()
    answer = dubline("separate", other, "--out", film.root)
    assert answer.status == 2 and "film.dubline is the run of film.wav, not of other.wav" in answer.err
    assert (film.root / "work/run.json").read_bytes() == before
    moved = film.media.rename(film.folder / "moved.wav")
    assert dubline("separate", moved, "--out", film.root).status == 0, "the same film elsewhere"


def test_another_film_in_the_same_run_gets_stems_of_its_own(film: Sequence) -> None:
    film.made("separate", "--separator", "thirds")
    noise = np.random.default_rng(6).normal(size=(2 * RATE, 2)) * 0.05
    soundfile.write(film.media, noise, RATE, subtype="PCM_24")
    assert "separate" in film.made("transcribe", *HEARING)
    assert film.agree(0.125), "by the run's own separator"


def test_the_customers_names_are_at_the_top() -> None:
    import dubline as package

    for name in ("localize", "LocalizeJob", "Run", "CinematicAudioProcessor"):
        assert callable(getattr(package, name))
