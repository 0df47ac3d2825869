"""Firefox Translations with real models: what is translated, the way through English, damage."""

from __future__ import annotations

import gzip
import platform
import re
import shutil
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path
from statistics import median
from typing import Any

import firefox_models
import pytest
from command import Answer, dubline
from shared_media import Shared

from dubline.backends.backend import Sought
from dubline.backends.choosing import settle
from dubline.backends.translators.ctranslate2 import CTranslate2Translator
from dubline.backends.translators.firefox import Firefox
from dubline.backends.translators.transformers import TransformersTranslator
from dubline.errors import InvalidJob, WeightsError
from dubline.language.line_checks import problems
from dubline.report import silent
from dubline.run import read_wish
from dubline.values.translated import SourceLine
from dubline.values.wishes import TranslateWish
from dubline.weights.firefox_files import languages, part_of
from dubline.weights.folders import weight_sums
from dubline.weights.installation import extra_command
from dubline.weights.intake_folders import import_folder
from dubline.weights.kinds import folder_kind, look

DIALOGUE = {
    "Where is my mother?": "mãe",
    "I am going home tomorrow.": "casa amanhã",
    "She bought a new car for her brother.": "carro novo",
    "Don't open the door!": "porta",
    "The doctor will see you at nine o'clock.": "médico",
    "We lost the war, but we are still alive.": "guerra",
    "Give me a glass of water, please.": "água",
    "He has three children and two dogs.": "três filhos",
    "It was raining all night in the city.": "cidade",
    "Thank you very much, my friend.": "Obrigado",
}
"""English lines, and what is in the Portuguese of each whoever translates it."""


def translated(texts: Sequence[str], **options: Any) -> list[str]:
    """The translations of the lines; "" for one that failed."""
    given = {"source": "en", "target": "pt", **options}
    lines = [SourceLine(key=str(n), text=text) for n, text in enumerate(texts)]
    found = {}
    with Firefox(Firefox.Options(**given)) as translator:
        for batch in translator.translate(lines, {}, silent):
            found.update(batch)
    answers = [found[line.key] for line in lines]
    return [answer.candidates[0].text if answer.candidates else "" for answer in answers]


@pytest.fixture
def enpt() -> Path:
    return firefox_models.model("enpt")


@pytest.fixture
def pten() -> Path:
    return firefox_models.model("pten")


def as_pair(source: Path, place: Path, pair: str) -> Path:
    """A copy of a model that calls itself one of other languages."""
    place.mkdir(parents=True)
    for file in source.iterdir():
        shutil.copy(file, place / file.name.replace(source.name, pair))
    return place


# --- what comes out ----------------------------------------------------------------------------


def test_ten_lines_of_dialogue_are_translated_in_their_order(enpt: Path) -> None:
    found = translated([*DIALOGUE], model=str(enpt))
    for (text, word), translation in zip(DIALOGUE.items(), found, strict=True):
        assert word.lower() in translation.lower(), (text, translation)
        assert not problems(text, translation, "en", "pt").hard


def test_of_lines_from_real_talk_hardly_any_fails(enpt: Path, pten: Path, shared: Shared) -> None:
    rows = shared("text/tr_en_dialogue_2000.tsv", real=True).read_text(encoding="utf-8").splitlines()
    english = [row.split("\t")[1] for row in rows[1:501]]
    portuguese = translated(english, model=str(enpt))
    pairs = zip(english, portuguese, strict=True)
    assert sum(bool(problems(*pair, "en", "pt").hard) for pair in pairs) <= 5
    again = translated(portuguese, source="pt", target="en", model=str(pten))
    alike = [SequenceMatcher(None, *pair).ratio() for pair in zip(english, again, strict=True)]
    assert median(alike) > 0.8, "there and back, most lines say nearly the same"


def test_without_a_shortlist_it_translates_too(enpt: Path, tmp_path: Path) -> None:
    bare = as_pair(enpt, tmp_path / "bare", "enpt")
    (bare / "lex.50.50.enpt.s2t.bin").unlink()
    for (_, word), found in zip(DIALOGUE.items(), translated([*DIALOGUE], model=str(bare)), strict=True):
        assert word.lower() in found.lower()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("😀 I'm coming home. 👩‍👩‍👧", ("😀 ", " 👩‍👩‍👧")),
        ("♪ Singing in the rain ♪", ("♪ ", " ♪")),
        ("Call the doctor 🚑 now!", ("🚑",)),
        ("Hello {name}, it costs {price}.", ("{name}", "{price}")),
        ("${price} is too much.", ("${price}",)),
        ("I'm going home😀.", ("casa😀.",)),
        ("<i>He is</i> dead.", ("<i>", "</i>", "morto")),
        ("He has 3️⃣ dogs.", ("3️⃣",)),
        ("{name}", ("{name}",)),
        ("12 34, 5.6", ("12 34, 5.6",)),
        ("♪♪", ("♪♪",)),
    ],
)
def test_what_it_does_not_know_is_kept(enpt: Path, text: str, kept: tuple[str, ...]) -> None:
    (found,) = translated([text], model=str(enpt))
    assert all(part in found for part in kept) and "qz" not in found.lower(), found
    assert not problems(text, found, "en", "pt").hard


def test_long_lines_are_translated_to_their_end(enpt: Path) -> None:
    rooms = [f"in the room number {n} there is a red chair" for n in range(1, 60)]
    for between in (". ", ", and "):  # sentences; and one that goes on and on
        text = between.join(rooms)
        (found,) = translated([text], model=str(enpt))
        assert len(text) > 2500 and {*re.findall(r"\d+", found)} == {*re.findall(r"\d+", text)}


def test_a_line_of_several_is_one_line(enpt: Path) -> None:
    (found,) = translated(["Come here.\nSit down.\x00\n\nGo\taway."], model=str(enpt))
    assert "\n" not in found and "\x00" not in found and found.count(".") == 3


def test_many_pictures_take_no_time(enpt: Path) -> None:
    text = "😀" * 300 + "x" + "😀 " * 300 + "yes"
    (found,) = translated([text], model=str(enpt))
    assert found.count("😀") >= 300


# --- which model -------------------------------------------------------------------------------


@pytest.fixture
def both(enpt: Path, pten: Path, own_models_folder: Path) -> Path:
    """The models folder with pt -> en, and with en -> pt called en -> es."""
    import_folder(pten, name="pten")
    import_folder(as_pair(enpt, own_models_folder.parent / "enes", "enes"), name="enes")
    return own_models_folder


def test_languages_without_a_model_go_through_english(both: Path, enpt: Path, pten: Path) -> None:
    texts = ["Onde está a minha mãe?", "Não abra a porta."]
    found = settle("translator", "auto", Sought(language="pt-BR", target="es"))
    assert found.choice.backend == "firefox" and found.choice.options["model"] == "pten+enes"
    english = translated(texts, source="pt", target="en", model=str(pten))
    assert "mother" in english[0]
    expected = translated(english, model=str(enpt))
    assert translated(texts, source="pt", target="es") == expected
    with Firefox(Firefox.Options(**found.choice.options)) as opened:
        assert opened.notes[0].startswith("through en") and "pten" in opened.notes[0]
        assert len(opened.identities) == 2
    assert {*weight_sums(pten), *weight_sums(enpt)} < {*found.choice.identity}
    assert any(part.startswith("fxtranslate ") for part in found.choice.identity)


def test_what_auto_took_for_another_source_is_chosen_anew_and_what_was_named_is_not(
    enpt: Path, own_models_folder: Path, tmp_path: Path
) -> None:
    import_folder(enpt, name="enpt")
    text = tmp_path / "lines.srt"
    text.write_text("1\n00:00:01,000 --> 00:00:02,000\nWhere is my mother?\n", encoding="utf-8")

    def kept_wish() -> TranslateWish:
        wish = read_wish(tmp_path / "lines.dubline", "translate.pt", TranslateWish)
        assert wish is not None
        return wish

    def translate(*words: str) -> Answer:
        return dubline("translate", text, "--to", "pt", *words)

    assert translate("--from", "en").status == 0
    assert (kept_wish().translator, kept_wish().found_for) == ("firefox", "en")
    import_folder(as_pair(enpt, tmp_path / "tren", "tren"), name="tren")
    import_folder(as_pair(enpt, tmp_path / "trpt", "trpt"), name="trpt")
    answer = translate("--from", "tr")
    assert answer.status == 0, answer.err
    assert (kept_wish().translator_model, kept_wish().found_for) == ("trpt", "tr")
    log = (tmp_path / "lines.dubline/work/log.txt").read_text(encoding="utf-8")
    assert "chosen anew: firefox was taken for English, and the source is Turkish now" in log
    assert translate().status == 0 and kept_wish().found_for == "tr", "it stays while the source does"
    assert translate("--from", "tr", "--translator", "firefox", "--model", "trpt").status == 0
    assert kept_wish().found_for is None
    refused = translate("--from", "en")
    assert (
        refused.status == 2
        and "translates from Turkish to Portuguese, not from English to Portuguese" in refused.err
    )


def test_a_straight_way_comes_first(both: Path, enpt: Path) -> None:
    import_folder(as_pair(enpt, both.parent / "ptes", "ptes"), name="straight")
    found = settle("translator", "firefox", Sought(language="pt", target="es"))
    assert found.choice.options["model"] == "straight" and found.place == both / "straight"


def test_languages_that_no_model_has_are_refused_with_advice(both: Path) -> None:
    with pytest.raises(WeightsError, match="from Portuguese to Japanese") as nothing:
        settle("translator", "firefox", Sought(language="pt", target="ja"))
    for name in ("firefox-pt-en", "firefox-en-ja"):
        assert f"`dubline models fetch {name}`" in nothing.value.hint
    with pytest.raises(WeightsError, match="from Portuguese to Georgian") as neither:
        settle("translator", "firefox", Sought(language="pt", target="ka"))
    assert "dubline models import" in neither.value.hint and "from it" in neither.value.hint
    with pytest.raises(InvalidJob, match="not from German to English"):
        Firefox(Firefox.Options(source="de", target="en", model="pten"))
    with pytest.raises(InvalidJob, match="both languages"):
        Firefox(Firefox.Options(source="en"))
    with pytest.raises(WeightsError, match="'nothing'"):
        Firefox(Firefox.Options(source="en", target="pt", model="nothing"))


def test_it_comes_after_translators_with_larger_models() -> None:
    learned = (CTranslate2Translator, TransformersTranslator, Firefox)
    first, second, third = (cls.rank("") for cls in learned)
    assert first > second > third > 0


def test_a_system_without_a_wheel_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert Firefox.remedy() == extra_command("firefox")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert "no wheel" in Firefox.remedy() and "Rust" in Firefox.remedy() and "Darwin" in Firefox.remedy()


# --- folders -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("model.enpt.intgemm.alphas.bin", ("en", "pt")),
        ("model.pten.intgemm8.bin.gz", ("pt", "en")),
        ("model.enzh_hant.intgemm.alphas.bin.zst", ("en", "zh-hant")),
        ("model.eten.bin", ("et", "en")),
    ],
)
def test_languages_are_told_by_the_model(tmp_path: Path, name: str, pair: tuple[str, str]) -> None:
    (tmp_path / name).touch()
    (tmp_path / "srcvocab.x.spm").touch()
    (tmp_path / "trgvocab.x.spm").touch()
    assert folder_kind(tmp_path) == "firefox" and languages(tmp_path) == pair
    (tmp_path / "metadata.json").write_text('{"sourceLanguage": "nb", "targetLanguage": "en"}')
    assert languages(tmp_path) == ("nb", "en")


def test_languages_are_told_by_the_folder(tmp_path: Path) -> None:
    for name, pair in {"en-pt": ("en", "pt"), "pten-17": ("pt", "en"), "english": None}.items():
        folder = tmp_path / name
        folder.mkdir()
        for file in ("model.intgemm.alphas.bin", "vocab.spam.spm"):
            (folder / file).touch()
        if pair:
            assert languages(folder) == pair
        else:
            with pytest.raises(WeightsError, match="which languages"):
                languages(folder)


def test_files_of_other_models_are_none_of_it() -> None:
    others = ("model.bin", "pytorch_model.bin", "model.safetensors", "source.spm", "vocab.json", "lex.txt")
    assert not any(map(part_of, others))


@pytest.mark.parametrize("part", ["model", "lex", "vocab"])
@pytest.mark.parametrize("harm", ["cut", "longer", "packed and cut", "something else", "missing"])
def test_damage_is_found_before_anything_is_translated(
    enpt: Path, tmp_path: Path, part: str, harm: str
) -> None:
    place = as_pair(enpt, tmp_path / "enpt", "enpt")
    (file,) = place.glob(f"{part}*")
    data = file.read_bytes()
    if harm in ("packed and cut", "missing"):
        file.unlink()
    if harm == "packed and cut":
        file = file.with_name(f"{file.name}.gz")
        file.write_bytes(gzip.compress(data, 1)[:-1000])
    elif harm != "missing":
        broken = {"cut": data[:-100], "longer": data + b"more bytes", "something else": b"<html>" * 100}
        file.write_bytes(broken[harm])
    if harm == "missing" and part == "lex":
        assert len(look(place).weights) == 2
        return
    if harm == "missing" and part == "model":
        assert folder_kind(place) is None
        return
    with pytest.raises(WeightsError, match=part) as error:
        look(place)
    assert error.value.hint
    with pytest.raises(WeightsError):
        import_folder(place)
    with pytest.raises(WeightsError, match=part):
        Firefox(Firefox.Options(source="en", target="pt", model=str(place)))


def test_a_panic_of_the_engine_is_told_as_damage(enpt: Path, tmp_path: Path) -> None:
    """What is as long as it should be may still be damaged: the engine's panic is told as that."""
    place = as_pair(enpt, tmp_path / "enpt", "enpt")
    file = place / "model.enpt.intgemm.alphas.bin"
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2] + b"\xff" * (len(data) - len(data) // 2))
    with pytest.raises(WeightsError, match="does not work") as error:
        translated(["Hello, my friend."], model=str(place))
    assert "get all of them again" in error.value.hint


def stored(data: bytes) -> bytes:
    """A .zst of it (RFC 8878): one frame that tells its length, of blocks that are not compressed."""
    blocks = [data[at : at + 2**17] for at in range(0, len(data), 2**17)]
    heads = [(len(block) << 3 | (number == len(blocks))) for number, block in enumerate(blocks, 1)]
    packed = (head.to_bytes(3, "little") + block for head, block in zip(heads, blocks, strict=True))
    return b"\x28\xb5\x2f\xfd\xe0" + len(data).to_bytes(8, "little") + b"".join(packed)


@pytest.mark.parametrize(("ending", "pack"), [("gz", lambda data: gzip.compress(data, 1)), ("zst", stored)])
def test_packed_files_are_the_same_model(enpt: Path, tmp_path: Path, ending: str, pack: Any) -> None:
    place = as_pair(enpt, tmp_path / "packed" / "enpt", "enpt")
    for file in [*place.iterdir()]:
        file.with_name(f"{file.name}.{ending}").write_bytes(pack(file.read_bytes()))
        file.unlink()
    import_folder(place)
    assert translated([*DIALOGUE]) == translated([*DIALOGUE], model=str(enpt))


def test_two_directions_in_a_folder_are_refused(enpt: Path, pten: Path, tmp_path: Path) -> None:
    place = as_pair(enpt, tmp_path / "two", "enpt")
    for file in pten.iterdir():
        shutil.copy(file, place)
    with pytest.raises(WeightsError, match="several models") as error:
        look(place)
    assert "a folder of its own" in error.value.hint


def test_subtitles_are_translated_from_the_command_line(
    enpt: Path, own_models_folder: Path, tmp_path: Path
) -> None:
    srt = tmp_path / "lines.srt"
    srt.write_text("1\n00:00:01,000 --> 00:00:03,000\n<i>Where is my mother?</i>\n", encoding="utf-8")
    words = ("translate", str(srt), "--from", "en", "--to", "pt", "--translator", "firefox")
    refused = dubline(*words)
    assert refused.status == 1 and "dubline models fetch firefox-en-pt" in refused.err
    assert dubline("models", "import", str(enpt)).status == 0
    done = dubline(*words)
    assert done.status == 0, done.err
    made = (tmp_path / "lines.dubline/subtitles/pt.srt").read_text(encoding="utf-8")
    assert "<i>Onde está" in made and "mãe" in made
