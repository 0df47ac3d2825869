"""Linking voices across runs and naming them, on vectors made for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubline.errors import InvalidJob
from dubline.signal.embeddings import divide, gallery, likeness, link, name_voices
from dubline.values.cast import Clip, read_cast

SIZE = 32


def people(count: int, seed: int = 0) -> np.ndarray:
    """(count, SIZE) vectors at right angles to each other."""
    turned, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(SIZE, SIZE)))
    return turned[:count]


def runs_of(casts: list[list[int]], noise: float, seed: int = 0) -> list[dict[str, tuple[float, ...]]]:
    """Runs in which these people speak, each under a label that tells nothing, heard with some noise."""
    rng = np.random.default_rng(seed)
    voices = people(SIZE // 2)
    out = []
    for cast in casts:
        heard = {}
        for place, person in enumerate(cast):
            disturbed = voices[person] + rng.normal(size=SIZE) * noise / np.sqrt(SIZE)
            heard[f"S{place}"] = tuple(float(x) for x in disturbed * rng.uniform(0.1, 9))
        out.append(heard)
    return out


@settings(deadline=None, max_examples=60)
@given(
    casts=st.lists(st.lists(st.integers(0, 7), min_size=0, max_size=5, unique=True), max_size=5),
    noise=st.floats(0, 0.3),
    seed=st.integers(0, 99),
)
def test_the_same_voice_has_the_same_number_and_no_other_has(
    casts: list[list[int]], noise: float, seed: int
) -> None:
    numbers = link(runs_of(casts, noise, seed), least_alike=0.6)
    number_of: dict[int, int] = {}
    for cast, found in zip(casts, numbers, strict=True):
        assert len(set(found.values())) == len(cast)
        for place, person in enumerate(cast):
            assert number_of.setdefault(person, found[f"S{place}"]) == found[f"S{place}"]
    assert len(set(number_of.values())) == len(number_of)
    assert sorted(number_of.values()) == list(range(len(number_of)))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
    st.floats(-1, 1),
    st.integers(1, 4),
    st.integers(0, 99),
)
def test_two_voices_of_one_run_are_never_joined(
    sizes: list[int], least_alike: float, at_most: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=SIZE)
    runs = [
        {f"S{k}": tuple(centre + rng.normal(size=SIZE) * 0.01) for k in range(count)} for count in sizes
    ]  # all nearly the same voice
    numbers = link(runs, least_alike=least_alike, at_most=at_most)
    for count, found in zip(sizes, numbers, strict=True):
        assert len(set(found.values())) == count


def test_the_assignment_is_the_best_one_for_all_together() -> None:
    # Greedily "a" would take the first voice (0.98) and leave "b" with 0.1; together the other way is better.
    runs = [
        {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0)},
        {"a": (0.72, 0.69, 0.0), "b": (0.7, 0.1, 0.0)},
    ]
    first, second = link(runs, least_alike=0.5)
    assert second == {"b": first["x"], "a": first["y"]}


def test_the_bounds_on_voices_are_kept() -> None:
    runs = runs_of([[0, 1], [2], [3]], noise=0.0)
    assert len({n for found in link(runs, least_alike=0.6) for n in found.values()}) == 4
    assert len({n for found in link(runs, least_alike=0.6, at_most=2) for n in found.values()}) == 2
    near = [{"a": (1.0, 0.0)}, {"b": (0.9, 0.436)}]
    assert link(near, least_alike=0.8)[1]["b"] == 0
    assert link(near, least_alike=0.8, at_least=2)[1]["b"] == 1


def test_what_is_known_from_elsewhere_decides_over_the_vectors() -> None:
    runs = [{"a": (1.0, 0.0), "b": (0.0, 1.0)}, {"c": (1.0, 0.1)}]
    assert link(runs)[1]["c"] == 0
    assert link(runs, same=[((0, "b"), (1, "c"))])[1]["c"] == 1
    assert link([{"a": ()}, {"c": ()}], same=[((0, "a"), (1, "c"))])[1]["c"] == 0
    assert link([{"a": ()}, {"c": ()}])[1]["c"] == 1


def test_vectors_of_different_kinds_are_refused() -> None:
    with pytest.raises(InvalidJob, match="2, 3"):
        link([{"a": (1.0, 0.0)}, {"b": (1.0, 0.0, 0.0)}])
    with pytest.raises(InvalidJob):
        likeness((1.0, 0.0), (1.0, 0.0, 0.0))
    with pytest.raises(InvalidJob):
        link([{"a": (float("nan"), 0.0)}])


def test_each_name_goes_to_one_voice_at_most() -> None:
    voices = {"S0": (1.0, 0.0, 0.0), "S1": (0.9, 0.3, 0.0), "S2": (0.0, 0.0, 1.0)}
    known = {"Ayşe": (1.0, 0.05, 0.0), "Mehmet": (0.0, 1.0, 0.0)}
    assert name_voices(voices, known, least_alike=0.7) == {"S0": "Ayşe"}
    assert name_voices(voices, known, least_alike=0.999999) == {}


def test_a_cast_file_gives_names_and_clips(tmp_path: Path) -> None:
    file = tmp_path / "cast.toml"
    file.write_text(
        '[cast]\n"Ayşe" = ["clips/a.wav"]\n"MÉO" = [{ file = "e01.wav", start = 12.0, end = 18.5 }]\n',
        encoding="utf-8",
    )
    cast = read_cast(file)
    assert cast["Ayşe"].clips == (Clip(file=(tmp_path / "clips/a.wav").as_posix()),)
    assert (cast["MÉO"].clips[0].start, cast["MÉO"].clips[0].end) == (12.0, 18.5)
    known = gallery(
        {name: member.clips for name, member in cast.items()},
        lambda clip: (3.0, 4.0) if clip.end else (0.0, 2.0),
    )
    assert known["MÉO"] == pytest.approx((0.6, 0.8))


@pytest.mark.parametrize(
    "text",
    ["cast = 3", "[cast]\nA = []", '[cast]\nA = [{ file = "a", start = 3.0, end = 1.0 }]', "[", "[people]",
     '[cast]\nA = [{ file = "a", begin = 1.0 }]', '[cast]\n" " = ["a.wav"]'],
)  # fmt: skip
def test_a_wrong_cast_file_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cast.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidJob, match=r"cast\.toml") as caught:
        read_cast(file)
    assert caught.value.hint


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 3), min_size=6, max_size=20), st.integers(0, 99))
def test_pieces_of_speech_are_divided_by_voice(said: list[int], seed: int) -> None:
    said = [0, 1, *said]
    rng = np.random.default_rng(seed)
    voices = people(4)
    vectors = [tuple(voices[p] + rng.normal(size=SIZE) * 0.2 / np.sqrt(SIZE)) for p in said]
    labels = divide(vectors, list(rng.uniform(0.5, 9, len(said))), len(set(said)))
    order = list(dict.fromkeys(said))
    assert labels == [order.index(p) for p in said]


def test_what_cannot_be_divided_is_refused() -> None:
    for vectors, into in (([(1.0, 0.0)], 2), ([(1.0, 0.0)] * 3, 1), ([(1.0, 0.0)] * 3, 2)):
        with pytest.raises(InvalidJob) as caught:
            divide(vectors, [1.0] * len(vectors), into)
        assert caught.value.hint
