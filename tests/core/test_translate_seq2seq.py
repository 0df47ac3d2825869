# ruff: noqa: RUF001 - Turkish has a dotless i, Chinese wide marks
"""Learned translators: what they translate, which models they take, and how they get through trouble."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
import tiny_translator as tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from dubline.backends.torchaudio_guard import before_transformers
from dubline.backends.translators.ctranslate2 import CTranslate2Translator
from dubline.backends.translators.seq2seq_batches import Found, cut, joined, planned
from dubline.backends.translators.seq2seq_folder import usual_model
from dubline.backends.translators.seq2seq_languages import FLORES, Codec, flores, short_code, spellings
from dubline.backends.translators.transformers import TransformersTranslator
from dubline.errors import BackendFailed, InvalidJob, WeightsError
from dubline.values.translated import Answer, SourceLine

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")


def silent(done: float, total: float) -> None:
    pass


def opened(cls: Any = TransformersTranslator, **options: Any) -> Any:
    if cls is CTranslate2Translator:
        pytest.importorskip("ctranslate2", reason="ctranslate2 is not installed")
    elif "precision" not in options:
        options["precision"] = "fp32"
    given = {"source": "tr", "target": "en", "model": str(tiny.folder()), "device": "cpu", "threads": 1}
    return cls(cls.Options(**{**given, **options}))


def translated(translator: Any, texts: list[str], wanted: Any = "") -> list[Answer]:
    lines = [SourceLine(key=str(n), text=text, wanted=wanted) for n, text in enumerate(texts)]
    found: dict[str, Answer] = {}
    for batch in translator.translate(lines, {}, silent):
        found.update(batch)
    return [found[str(n)] for n in range(len(texts))]


def turkish(count: int = 100) -> list[str]:
    return [pair[0] for pair in tiny.held_out()[:count]]


def right(answers: list[Answer]) -> int:
    return sum(a.candidates[0].text in pair[1:] for a, pair in zip(answers, tiny.held_out(), strict=True))


# --- what comes out ----------------------------------------------------------------------------


def test_sentences_never_seen_are_translated() -> None:
    with opened() as exact, opened(precision="int8") as small:
        one, other = translated(exact, turkish()), translated(small, turkish())
    assert right(one) >= 95 and right(other) >= 95
    assert "int8" in small.notes[0] and "fp32" in exact.notes[0]
    scores = [abs(a.candidates[0].score - b.candidates[0].score) for a, b in zip(one, other, strict=True)]
    assert max(scores) < 0.05
    alike = [{c.text for c in a.candidates[:2]} & {c.text for c in b.candidates[:2]}
             for a, b in zip(one, other, strict=True)]  # fmt: skip
    assert sum(map(bool, alike)) >= 98


def test_ctranslate2_translates_them_too_and_converts_once(own_models_folder: Path) -> None:
    with opened(CTranslate2Translator) as translator:
        assert right(translated(translator, turkish())) >= 95
    (kept,) = (path for path in (own_models_folder / ".converted").iterdir() if path.is_dir())
    assert f"converted: {kept}" in translator.notes
    before = (kept / "model.bin").stat().st_mtime_ns
    with opened(CTranslate2Translator) as again:
        assert f"converted before: {kept}" in again.notes
    assert (kept / "model.bin").stat().st_mtime_ns == before


def test_a_folder_converted_elsewhere_is_taken_as_it_is(own_models_folder: Path) -> None:
    with opened(CTranslate2Translator):
        pass
    (kept,) = (path for path in (own_models_folder / ".converted").iterdir() if path.is_dir())
    own = own_models_folder / "mine"
    kept.rename(own)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny.folder() / name, own / name)
    with opened(CTranslate2Translator, model="mine") as translator:
        assert right(translated(translator, turkish())) >= 95
        assert translator.identities[0].files == ("model.bin",)
    assert not list((own_models_folder / ".converted").glob("*-int8"))


def test_a_models_folder_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *how: Any, **more: Any) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(WeightsError, match="cannot be written") as told:
        opened(CTranslate2Translator)
    assert "DUBLINE_MODELS" in told.value.hint


def test_a_conversion_that_fails_leaves_nothing(
    own_models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converters = pytest.importorskip("ctranslate2.converters", reason="ctranslate2 is not installed")

    def fail(self: Any, place: str, **more: Any) -> None:
        Path(place).mkdir()
        Path(place, "model.bin").write_bytes(b"half")
        raise ValueError("no such layer")

    monkeypatch.setattr(converters.TransformersConverter, "convert", fail)
    with pytest.raises(WeightsError, match="no such layer") as told:
        opened(CTranslate2Translator)
    assert "transformers" in told.value.hint
    assert [path for path in (own_models_folder / ".converted").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("cls", [TransformersTranslator, CTranslate2Translator])
def test_the_beam_holds_the_long_and_the_short_one(cls: Any) -> None:
    with opened(cls) as translator:
        answers = translated(translator, turkish())
    both = [
        set(pair[1:]) <= {c.text for c in answer.candidates}
        for pair, answer in zip(tiny.held_out(), answers, strict=True)
    ]
    assert sum(both) >= 90


@pytest.mark.parametrize("cls", [TransformersTranslator, CTranslate2Translator])
def test_asked_for_another_length_the_other_one_is_found(cls: Any) -> None:
    texts = turkish(40)
    with opened(cls) as translator:
        best = translated(translator, texts)
        shorter, longer = (translated(translator, texts, w) for w in ("shorter", "longer"))
    for pair, first, short, long in zip(tiny.held_out(), best, shorter, longer, strict=False):
        if first.candidates[0].text == pair[1]:
            assert pair[2] in [c.text for c in short.candidates]
        else:
            assert pair[1] in [c.text for c in long.candidates]
        scores = {c.text: c.score for c in first.candidates}
        for candidate in (*short.candidates, *long.candidates):
            # One scale, however they were found.
            assert candidate.score == pytest.approx(scores.get(candidate.text, candidate.score), abs=0.01)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_lots_depend_on_the_line_and_the_seed_alone(precision: str) -> None:
    texts = turkish(12)
    with opened(candidates=8, beams=8, precision=precision) as translator:
        together = translator.varied(texts, "longer")
        alone = [translator.varied([text], "longer")[0] for text in texts]
        beam = translator.best(texts)
    assert [[f.text for f in row] for row in together] == [[f.text for f in row] for row in alone]
    assert len({f.text for row in together for f in row}) > len(texts)
    for drawn, found in zip(together, beam, strict=True):
        # A text can be made of other tokens too, with a score of its own.
        scores = {(item.text, item.tokens): item.score for item in found}
        known = [item for item in drawn if (item.text, item.tokens) in scores]
        assert known
        assert all(i.score == pytest.approx(scores[i.text, i.tokens], abs=0.02) for i in known)
    with opened(seed=5, precision=precision) as other:
        assert [[f.text for f in row] for row in other.varied(texts, "longer")] != [
            [f.text for f in row] for row in together
        ]


def test_a_long_line_is_translated_whole_in_parts() -> None:
    pairs = tiny.held_out()[:60]
    with opened() as translator:
        (answer,) = translated(translator, [" ".join(pair[0] for pair in pairs)])
        assert any("in parts" in note for note in translator.notes)
        alone = translated(translator, [pair[0] for pair in pairs])
    assert answer.candidates[0].text == " ".join(a.candidates[0].text for a in alone)


def test_what_has_no_end_is_a_failure_not_a_torn_text() -> None:
    with opened(model=str(tiny.marian())) as translator:
        translator._ends = [10**6]  # a token that never comes
        answers = translated(translator, turkish(3))
    assert all("no end" in answer.failure and not answer.candidates for answer in answers)


# --- models and languages ----------------------------------------------------------------------


@pytest.mark.parametrize("cls", [TransformersTranslator, CTranslate2Translator])
@pytest.mark.parametrize("make", [tiny.marian, tiny.m2m100])
def test_marian_and_m2m100_are_taken(cls: Any, make: Any, capfd: pytest.CaptureFixture[str]) -> None:
    folder = make()
    capfd.readouterr()
    with opened(cls, model=str(folder)) as translator:
        answers = translated(translator, turkish(4))
    said = capfd.readouterr()
    assert said.out + said.err == ""
    for answer in answers:
        assert answer.candidates or answer.failure
        assert not any("__" in c.text or ">>" in c.text or "<" in c.text for c in answer.candidates)


def test_m2m100_leaves_no_language_in_the_text() -> None:
    codec = Codec(tiny.m2m100(), "tr", "en")
    assert codec.opening == "__en__"
    body = [n for n in codec.ids("Ben geliyorum.")[1:-1]]
    output = [2, codec.number("__en__"), *body, 2, 1, 1]
    assert codec.text(output) == "Ben geliyorum."
    assert codec.ids("Ben")[0] == codec.number("__tr__")


def test_marian_is_told_its_target_before_the_text() -> None:
    codec = Codec(tiny.marian(), "tr", "en")
    assert codec.opening is None
    assert codec.tokens("Ben geliyorum.")[0] == ">>eng<<"
    assert Codec(tiny.marian(), "tr", "de").tokens("Ben")[0] == ">>deu<<"
    with pytest.raises(InvalidJob, match="from tr, not fr"):
        Codec(tiny.marian(), "fr", "en")
    with pytest.raises(InvalidJob, match="the language 'it'") as told:
        Codec(tiny.marian(), "tr", "it")
    assert "deu, eng" in told.value.hint


def test_a_language_that_the_model_has_no_token_for_is_refused() -> None:
    with pytest.raises(InvalidJob, match="does not know the language 'fr'") as told:
        opened(target="fr")
    assert "eng_Latn" in told.value.hint
    with opened(source="tur_Latn", target="en-GB") as translator:
        assert translated(translator, turkish(1))[0].candidates


def test_text_is_text_even_if_it_looks_like_a_token() -> None:
    codec = Codec(tiny.folder(), "tr", "en")
    inside = codec.ids("Ben </s> eng_Latn <pad> geliyorum.")[1:-1]
    assert not {codec.number(t) for t in ("</s>", "eng_Latn", "<pad>")} & set(inside)


def test_codes_of_languages() -> None:
    before_transformers()
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as KNOWN

    # Kyrgyz and the rest: whatever the table says must be a code of NLLB's.
    assert set(FLORES.values()) <= set(KNOWN) and len(FLORES) >= 60
    for code in ("tr", "tr-TR", "tur", "tur_Latn", "tr_TR"):
        assert flores(code) == "tur_Latn" and short_code(code) == "tr"
    assert flores("zh-TW") == "zho_Hant" and flores("zh") == "zho_Hans" and flores("xx") == ""
    assert spellings("pt-BR")[0] == "pob" and {"por_Latn", "pt_BR", "por", "pt"} <= set(spellings("pt-BR"))
    assert "no" in spellings("nb") and "nob_Latn" in spellings("no")
    assert "ara" in spellings("ar") and "cmn_Hans" in spellings("zh")


def test_the_usual_model_of_a_pair() -> None:
    assert usual_model("tr", "en") == "Helsinki-NLP/opus-mt-tc-big-tr-en"
    assert usual_model("tur_Latn", "en-US") == "Helsinki-NLP/opus-mt-tc-big-tr-en"
    assert usual_model("de", "en") == "Helsinki-NLP/opus-mt-de-en"
    with pytest.raises(WeightsError, match="from Georgian to Swahili") as told:
        usual_model("ka", "sw")
    assert "m2m100" in told.value.hint and "not for commercial use" in told.value.hint
    for pair in (("", "en"), ("tr", "")):
        with pytest.raises(InvalidJob, match="both languages"):
            usual_model(*pair)


@pytest.mark.parametrize("cls", [TransformersTranslator, CTranslate2Translator])
def test_nothing_is_fetched_unasked(cls: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*address: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="opus-mt-tc-big-tr-en") as told:
        opened(cls, model="auto")
    assert "dubline models fetch Helsinki-NLP/opus-mt-tc-big-tr-en" in told.value.hint
    with pytest.raises(WeightsError, match="not on this machine"):
        opened(cls, model="no-such-model")
    with opened(cls) as translator:
        assert translated(translator, turkish(1))[0].candidates


def changed(place: Path, **files: Any) -> Path:
    """A copy of the tiny model with other or further files."""
    shutil.copytree(tiny.folder(), place)
    for name, content in files.items():
        path = place / name.replace("__", ".")
        if isinstance(content, dict):
            before = json.loads(path.read_text()) if path.exists() else {}
            content = json.dumps({**before, **content})
        path.write_text(content)
    return place


def test_what_a_folder_says_about_searching_is_not_followed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    odd = {"max_length": 3, "num_beams": 1, "do_sample": True, "temperature": 9.0, "forced_bos_token_id": 7,
           "bad_words_ids": [[9]], "no_repeat_ngram_size": 1, "length_penalty": -5.0}  # fmt: skip
    folder = changed(tmp_path / "odd", generation_config__json=odd)
    with opened() as plain:
        wanted = translated(plain, turkish(10))
    capfd.readouterr()
    with opened(model=str(folder)) as translator:
        assert translated(translator, turkish(10)) == wanted
    said = capfd.readouterr()
    assert said.out + said.err == ""


def test_programs_in_a_folder_are_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = f"open({str(ran)!r}, 'w')\nclass Evil: pass\n"
    names = {"AutoConfig": "evil.Evil", "AutoModelForSeq2SeqLM": "evil.Evil"}
    folder = changed(
        tmp_path / "evil",
        evil__py=program,
        config__json={"auto_map": names},
        tokenizer_config__json={"auto_map": {"AutoTokenizer": ["evil.Evil", None]}},
    )
    with opened(model=str(folder)) as translator:
        assert translated(translator, turkish(1))[0].candidates
    assert not ran.exists()


def test_weights_that_can_hold_programs_are_refused(tmp_path: Path) -> None:
    folder = changed(tmp_path / "old")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="safetensors") as told:
        opened(model=str(folder))
    assert "dubline models import" in told.value.hint


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    folder = changed(tmp_path / "other", config__json={"model_type": "t5"})
    with pytest.raises(WeightsError, match="t5"):
        opened(model=str(folder))
    with pytest.raises(WeightsError, match="no model that Dubline knows"):
        opened(model=str(tmp_path))


def test_a_licence_that_forbids_commerce_is_told(tmp_path: Path) -> None:
    folder = changed(tmp_path / "nc", README__md="---\nlicense: cc-by-nc-4.0\n---\n")
    with opened(model=str(folder)) as translator:
        assert any("cc-by-nc-4.0: not for commercial use" in note for note in translator.notes)
        assert translator.identities[0].licence == "cc-by-nc-4.0"
    (folder / "README.md").unlink()
    with opened(model=str(folder)) as translator:
        assert any("is not stated" in note and "CC-BY-NC-4.0" in note for note in translator.notes)
    with opened() as translator:
        assert not any("commercial" in note for note in translator.notes)


@pytest.mark.parametrize("cls", [TransformersTranslator, CTranslate2Translator])
@pytest.mark.parametrize(
    "wrong",
    [
        {"candidates": 0},
        {"beams": 0},
        {"budget": 0},
        {"threads": 0},
        {"precision": "int3"},
        {"device": "tpu"},
    ],
)
def test_impossible_settings_are_refused(cls: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidJob) as told:
        opened(cls, **wrong)
    assert told.value.hint


# --- trouble -----------------------------------------------------------------------------------


def test_out_of_memory_halves_what_is_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened() as plain:
        wanted = translated(plain, turkish(40))
    with opened() as translator:
        inner, rows = translator._model.generate, []

        def generate(**given: Any) -> Any:
            rows.append(len(given["input_ids"]))
            if rows[-1] > 3:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return inner(**given)

        translator._model.generate = generate
        found = translated(translator, turkish(40))
    assert [a.candidates[0].text for a in found] == [a.candidates[0].text for a in wanted]
    assert any("out of memory" in note and "lines at once" in note for note in translator.notes)
    assert max(rows) > 3 and rows[-1] <= 3


def test_a_single_line_that_does_not_fit_and_other_failures_are_told() -> None:
    with opened() as translator:
        for error, text in ((MemoryError(), "too little memory"), (RuntimeError("bad kernel"), "bad kernel")):

            def generate(error: BaseException = error, **given: Any) -> Any:
                raise error

            translator._model.generate = generate
            with pytest.raises(BackendFailed, match=text) as told:
                translated(translator, turkish(5))
            assert told.value.hint


def test_without_int8_it_goes_on_in_fp32_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.ao.quantization, "quantize_dynamic")
    with opened(precision="auto") as translator:
        assert right(translated(translator, turkish())) >= 95
    assert "in fp32" in translator.notes[0] and any("cannot compute in int8" in n for n in translator.notes)


def test_half_precision_is_kept_only_if_it_agrees() -> None:
    with opened() as translator:
        translator._trial = torch.bfloat16
        assert right(translated(translator, turkish())) >= 95
        assert translator._precision == "bf16" and translator._half is torch.bfloat16
    with opened() as translator:
        inner = translator._beam

        def beam(texts: Any) -> Any:
            found = inner(texts)
            return (
                [[f._replace(score=f.score - 1) for f in row] for row in found] if translator._half else found
            )

        translator._beam, translator._trial = beam, torch.bfloat16
        assert right(translated(translator, turkish())) >= 95
        assert translator._precision == "fp32" and translator._half is None


# --- batches -----------------------------------------------------------------------------------

WORDS = st.lists(st.text("abçğ中文.,!?é́😀 ", min_size=1, max_size=12), min_size=1, max_size=30).map(" ".join)


@given(WORDS.map(lambda text: " ".join(text.split())), st.integers(3, 40))
def test_parts_are_the_text(text: str, limit: int) -> None:
    parts = cut(text, lambda part: len(part) <= limit)
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")
    # A letter with its accents is never parted, so only such may be longer.
    assert all(
        len(part) <= limit or not any(c.isascii() for c in part[1:-1]) or "\u0301" in part for part in parts
    )


def test_cut_where_it_hurts_least() -> None:
    def fits(part: str) -> bool:
        return len(part) <= 24

    assert cut("Dr. Ali geldi. Biz gittik! Sonra o da geldi.", fits) == [
        "Dr. Ali geldi.",
        "Biz gittik!",
        "Sonra o da geldi.",
    ]
    assert cut("Ben onu gördüm, o beni görmedi", fits) == ["Ben onu gördüm,", "o beni görmedi"]
    assert cut("bir iki üç dört beş altı yedi", fits) == ["bir iki üç dört", "beş altı yedi"]
    assert cut("你好。我们走吧！他来了吗？我不知道他在哪里我也不想知道", fits)[:3] == [
        "你好。",
        "我们走吧！",
        "他来了吗？",
    ]
    assert cut("fits", fits) == ["fits"]


def test_parts_come_together_rank_by_rank() -> None:
    one = [Found("A.", -1.0, 2, True), Found("B.", -2.0, 2, True)]
    other = [Found("c", -0.5, 6, True), Found("", -0.1, 1, True)]
    best, second = joined([one, other], (" ",))
    assert best == Found("A. c", pytest.approx(-0.625), 8, True)
    assert second.text == "B. c"
    assert not joined([one, [Found("x", -1.0, 9, False)]], (" ",))[0].whole


LINES = st.lists(
    st.tuples(st.text("ab ", max_size=60), st.sampled_from(["", "shorter", "longer"])), max_size=40
)


@settings(max_examples=60)
@given(LINES, st.integers(10, 200), st.randoms())
def test_batches_depend_on_the_lines_alone(drawn: list[tuple[str, Any]], budget: int, rng: Any) -> None:
    lines = [SourceLine(key=str(n), text=text, wanted=wanted) for n, (text, wanted) in enumerate(drawn)]
    plan = planned(lines, len, 30, budget, "en")
    keys = [key for batch in plan for work in batch for key in work.keys]
    assert sorted(keys) == sorted(line.key for line in lines if line.text.strip())
    for batch in plan:
        longest = max(work.longest for work in batch)
        assert longest <= 30 and len({work.wanted for work in batch}) == 1
        assert len(batch) == 1 or longest * sum(len(work.parts) for work in batch) <= budget
        assert longest - min(work.longest for work in batch) <= max(1, longest // 8)
    rng.shuffle(lines)
    again = planned(lines, len, 30, budget, "en")
    assert [{w.text for w in batch} for batch in again] == [{w.text for w in batch} for batch in plan]
