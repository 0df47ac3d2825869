"""What learned translators call a language, and how a text becomes their tokens and back.

NLLB has the codes of FLORES-200 (tur_Latn), M2M100 those of ISO 639-1 (__tr__), Marian mostly those of ISO
639-3, set before the text (>>tur<<) where a model has several targets. A user says "tr", "pt-BR" or any of
these.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dubline.backends.torchaudio_guard import before_transformers
from dubline.errors import BackendMissing, InvalidJob, WeightsError, first_line
from dubline.language.script import base_language
from dubline.weights.hub import quiet_hub
from dubline.weights.installation import pip_command

_FLORES = """
    af afr_Latn  am amh_Ethi  ar arb_Arab  az azj_Latn  be bel_Cyrl  bg bul_Cyrl  bn ben_Beng  bs bos_Latn
    ca cat_Latn  cs ces_Latn  cy cym_Latn  da dan_Latn  de deu_Latn  el ell_Grek  en eng_Latn  eo epo_Latn
    es spa_Latn  et est_Latn  eu eus_Latn  fa pes_Arab  fi fin_Latn  fr fra_Latn  ga gle_Latn  gl glg_Latn
    gu guj_Gujr  ha hau_Latn  he heb_Hebr  hi hin_Deva  hr hrv_Latn  hu hun_Latn  hy hye_Armn  id ind_Latn
    is isl_Latn  it ita_Latn  ja jpn_Jpan  ka kat_Geor  kk kaz_Cyrl  km khm_Khmr  kn kan_Knda  ko kor_Hang
    ku kmr_Latn  ky kir_Cyrl  lo lao_Laoo  lt lit_Latn  lv lvs_Latn  mk mkd_Cyrl  ml mal_Mlym  mn khk_Cyrl
    mr mar_Deva  ms zsm_Latn  mt mlt_Latn  my mya_Mymr  nb nob_Latn  ne npi_Deva  nl nld_Latn  nn nno_Latn
    no nob_Latn  pa pan_Guru  pl pol_Latn  ps pbt_Arab  pt por_Latn  ro ron_Latn  ru rus_Cyrl  si sin_Sinh
    sk slk_Latn  sl slv_Latn  so som_Latn  sq als_Latn  sr srp_Cyrl  sv swe_Latn  sw swh_Latn  ta tam_Taml
    te tel_Telu  th tha_Thai  tl tgl_Latn  tr tur_Latn  uk ukr_Cyrl  ur urd_Arab  uz uzn_Latn  vi vie_Latn
    yo yor_Latn  yue yue_Hant  zh zho_Hans  zh-tw zho_Hant  zh-hk zho_Hant  zh-hant zho_Hant  zu zul_Latn
"""
FLORES = dict(zip(_FLORES.split()[::2], _FLORES.split()[1::2], strict=True))
"""ISO 639-1 (and where a script must be told, more) -> FLORES-200, the codes of NLLB's model card."""
_MACRO = """
    arb ara  pes fas  lvs lav  zsm msa  npi nep  als sqi  swh swa  uzn uzb  azj aze  khk mon  pbt pus
    kmr kur  zho cmn
"""
MACRO = dict(zip(_MACRO.split()[::2], _MACRO.split()[1::2], strict=True))
"""ISO 639-3 of a language in FLORES -> the code that OPUS-MT has for it."""
LONGEST_PART = 256
"""Tokens. These models learn from single sentences; few are longer."""


def flores(code: str) -> str:
    """ "tr", "tr-TR", "tur" or "tur_Latn" -> "tur_Latn"; "" for a language that is not in the table."""
    if code in FLORES.values():
        return code
    name = code.replace("_", "-").lower()
    found = FLORES.get(name) or FLORES.get(base_language(name))
    return found or next((f for f in FLORES.values() if f.partition("_")[0] == base_language(name)), "")


def short_code(code: str) -> str:
    """Any spelling of a language -> ISO 639-1 if it has one: "tur_Latn" -> "tr"."""
    if base_language(code) in FLORES:
        return base_language(code)
    wanted = flores(code)
    return next((short for short, long in FLORES.items() if long == wanted and wanted), base_language(code))


def spellings(code: str) -> list[str]:
    """All that a model's vocabulary may call a language, the likeliest first."""
    full, long = code.replace("-", "_"), flores(code)
    three = long.partition("_")[0]
    names = ["pob"] if full.lower() == "pt_br" else []
    names += [long, full, full.lower(), MACRO.get(three, ""), three, short_code(code)]
    script = long.partition("_")[2]
    names += [f"{MACRO[three]}_{script}"] if three in MACRO else []
    names += [short for short, other in FLORES.items() if long and other == long]
    return [name for name in dict.fromkeys(names) if name]


class Codec:
    """A model's tokenizer, set to a pair of languages.

    `family`: "marian", "nllb" or "m2m100". `opening`: the token that a translation must begin with, None
    where the model has one target language or is told before the text; `end`: the one that it ends with.
    `limit`: tokens that a text may have; `room`: those that a translation may have.

    Raises:
        InvalidJob: the model does not know one of the languages.
        WeightsError: the folder's tokenizer cannot be loaded, or is of another kind of model.
        BackendMissing: a library that it needs is not installed.
    """

    def __init__(self, folder: Path, source: str, target: str, positions: int | None = None) -> None:
        if not source or not target:
            raise InvalidJob(
                "this translator needs to know both languages", hint="Name them, such as tr and en."
            )
        self._name = folder.name
        self._tokenizer = _loaded(folder)
        kind = type(self._tokenizer).__name__.lower()
        self.family = next((f for f in ("marian", "nllb", "m2m100") if f in kind), "")
        if not self.family:
            raise WeightsError(
                f"{folder} is not Marian, NLLB or M2M100 (its tokenizer is {type(self._tokenizer).__name__})",
                hint="Take one of those: Helsinki-NLP/opus-mt-*, facebook/nllb-200-* or facebook/m2m100_*.",
            )
        self._before = ""
        self.opening: str | None = None
        if self.family == "marian":
            self._before = self._marian_code(source, target)
        else:
            self._tokenizer.src_lang = self._language(source)
            chosen = self._language(target)
            self.opening = f"__{chosen}__" if self.family == "m2m100" else chosen
        tokens = getattr(self._tokenizer, "lang_token_to_id", {})  # M2M100 does not count them as special
        self._special = {*self._tokenizer.all_special_tokens, *tokens, *self._languages()}
        bound = int(min(self._tokenizer.model_max_length, positions or 512, 2 * LONGEST_PART))
        self.limit = max(8, bound // 2)  # a translation may be twice as long, and has to find its place too
        self.room = bound - 2
        self.unknown: int = self._tokenizer.unk_token_id
        self.end: str = self._tokenizer.eos_token

    def ids(self, text: str) -> list[int]:
        """A text -> its tokens' numbers, those of the languages and of the end included."""
        given = f"{self._before} {text}" if self._before else text
        # What looks like a token of the model's own, such as </s>, is text here.
        return list(self._tokenizer(given, split_special_tokens=True)["input_ids"])

    def tokens(self, text: str) -> list[str]:
        """A text -> its tokens, as `ids`."""
        return list(self._tokenizer.convert_ids_to_tokens(self.ids(text)))

    def number(self, token: str) -> int:
        """The number of a token."""
        return int(self._tokenizer.convert_tokens_to_ids(token))

    def text(self, output: Sequence[int] | Sequence[str]) -> str:
        """Tokens or their numbers -> text, without the model's own tokens and space around it."""
        tokens: Iterable[str] = (
            token if isinstance(token, str) else self._tokenizer.convert_ids_to_tokens(int(token))
            for token in output
        )
        kept = [token for token in tokens if token not in self._special]
        return " ".join(str(self._tokenizer.convert_tokens_to_string(kept)).split())

    def _languages(self) -> list[str]:
        """What this model calls the languages that it can be told."""
        if self.family == "m2m100":
            return list(self._tokenizer.lang_code_to_id)
        vocabulary = self._tokenizer.get_vocab()
        if self.family == "nllb":
            return [t for t in vocabulary if len(t) == 8 and t[3] == "_" and t[:3].islower()]
        return [t for t in vocabulary if t.startswith(">>") and t.endswith("<<")]

    def _language(self, code: str) -> str:
        known = self._languages()
        for name in spellings(code):
            if name in known:
                return name
        raise self._unknown_language(code, known)

    def _marian_code(self, source: str, target: str) -> str:
        # Names of groups (mul, gmw) are no languages of ours and tell nothing.
        for side, asked in (("source_lang", source), ("target_lang", target)):
            has = getattr(self._tokenizer, side, None)
            if has and short_code(has) in FLORES and short_code(has) != short_code(asked):
                way = "from" if side == "source_lang" else "into"
                raise InvalidJob(
                    f"{self._name} translates {way} {has}, not {asked}",
                    hint="Name a model for this pair, or leave out the model to take the usual one.",
                )
        known = self._languages()
        if not known:
            return ""
        for name in spellings(target):
            if f">>{name}<<" in known:
                return f">>{name}<<"
        raise self._unknown_language(target, [code.strip("<>") for code in known])

    def _unknown_language(self, code: str, known: list[str]) -> InvalidJob:
        common = [k for k in known if flores(k)]
        some = ", ".join(sorted(common or known)[:12])
        return InvalidJob(
            f"the model {self._name} does not know the language {code!r}",
            hint=f"It knows {len(known)}, among them: {some}." if some else "Use another model.",
        )


def _loaded(folder: Path) -> Any:
    quiet_hub()
    before_transformers()
    from transformers import AutoTokenizer
    from transformers.utils import logging as noise

    noise.set_verbosity_error()
    noise.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that sacremoses is missing is told by `notes`
            return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except ImportError as error:
        if "sentencepiece" not in str(error).lower():
            raise
        raise BackendMissing(
            f"the tokenizer of {folder.name} needs sentencepiece, which is not installed",
            hint=f"Install it with: {pip_command('sentencepiece', 'sacremoses')}",
        ) from error
    except Exception as error:  # what a damaged file makes them raise has no common class
        raise WeightsError(
            f"the tokenizer in {folder} could not be loaded: {first_line(error)}",
            hint="Its files are damaged, or some are missing: get all files of the model again.",
        ) from error
