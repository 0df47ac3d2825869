"""Everything that a dub is made from, read from its run and checked, before anything is spoken."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from dubline.errors import InvalidJob
from dubline.language.markup import spoken_text
from dubline.media.film_place import ORIGINAL, original_in
from dubline.mix.film import Film, film_of
from dubline.mix.job import MixJob, mix_job
from dubline.programme.coherence import changed_film, changed_lines
from dubline.programme.reading import read_translations
from dubline.run import Run, standing
from dubline.separation.way import background_of
from dubline.values.dubbed import Dub, DubSettings, Take, dub_place, read_dub
from dubline.values.layout import Layout
from dubline.values.media import Original
from dubline.values.segment_ids import ids_of
from dubline.values.stems import Stems
from dubline.values.transcript import Transcript, read_transcript
from dubline.values.translated import Totals, TranslatedSegment, Translation, place_of
from dubline.values.wishes import DubWish
from dubline.voice.casting import SpeakerPitches, speaker_pitches
from dubline.voice.references import ReferenceJob, References, references
from dubline.voice.settling import SettledDub, VoiceRights, clones, keep_rights, require_consent, settle_dub
from dubline.voice.speaking import VoiceJob
from dubline.weights.installation import extra_command

RIGHTS = "rights"
Tell = Callable[[str], None]


def dub_languages(root: Path, to: Collection[str] = (), tell: Tell = lambda words: None) -> tuple[str, ...]:
    """The languages of a run that can be dubbed: of those that are named, or of all, what has a text.

    Raises:
        InvalidJob: no run, no translation, none into one of those languages, or none with a text.
    """
    if not root.is_dir():
        raise InvalidJob(f"there is no run folder {root}", hint="Give the folder, such as EPISODE.dubline.")
    translations = read_translations(root)
    if not translations:
        raise InvalidJob(f"there is no translation in {root}", hint="Run `dubline translate` first.")
    there = ", ".join(t.target_language for t in translations)
    absent = [language for language in to if language not in {t.target_language for t in translations}]
    if absent:
        raise InvalidJob(
            f"{root} has no translation into {absent[0]!r}", hint=f"It has {there}; see `dubline translate`."
        )
    wanted = [t for t in translations if not to or t.target_language in to]
    spoken = tuple(t.target_language for t in wanted if has_text(t))
    if not spoken:
        files = [place_of(root, t.target_language).name for t in wanted]
        raise InvalidJob(
            f"the translation into {', '.join(t.target_language for t in wanted)} has no text yet",
            hint=f"Write it into {' and '.join(files)}, or run `dubline translate` with a translator.",
        )
    for translation in wanted:
        if translation.target_language not in spoken:
            tell(f"{translation.target_language} is left out: its translation has no text yet")
    return spoken


class Prepared(NamedTuple):
    """Everything that a dub is made from: `spoken` is what the voices see of the `translation`; `before` the
    dub that is there."""

    translation: Translation
    spoken: Translation
    stems: Stems
    before: Dub | None
    settled: SettledDub
    settings: DubSettings
    job: VoiceJob
    mix: MixJob
    place: Path
    consent: bool | None

    @property
    def suffix(self) -> str:
        """ "" for the run's first dub, ".LANGUAGE" for others."""
        first = self.place.name == Layout(self.place.parent).dub().name
        return "" if first else f".{self.translation.target_language}"


def prepared(run: Run, language: str, wish: DubWish, tell: Tell, audition: tuple[int, ...] = ()) -> Prepared:
    """What `dub_run` needs, for some lines alone with `audition`.

    Raises:
        As `dub_run`, but for what goes wrong in speaking and mixing.
    """
    root = run.root
    languages = dub_languages(root, (language,) if language else ())
    if len(languages) > 1:
        raise InvalidJob(
            f"this run has several languages: {', '.join(languages)}", hint="Name one of them with --to."
        )
    translation = next(t for t in read_translations(root) if t.target_language == languages[0])
    stems = background_of(root)
    if stems is None:
        raise InvalidJob(
            f"there are no stems in {root}: a dub is mixed from the sound without voices",
            hint="Run `dubline separate` first, on the same film.",
        )
    place, before = dub_before(root, translation.target_language)
    settings = before.settings if before is not None else DubSettings()
    settled = settle_dub(wish, settings, translation.target_language, root)
    check_clonable(settled, stems.separated)
    mix = mix_job(settled.settings.mix, stems.separated)
    if settled.settings.mux and not (audition or wish.takes_only):
        film_for(run)  # an hour of other work must not end in this
        for sentence in changed_film(root):
            raise InvalidJob(
                sentence, hint="Or leave out --mux (--no-mux): the mix is of the old film's sound."
            )
    only = audition or (ids_of(wish.only) if wish.only else ())
    _check_lines(translation, only)
    if before is None and (wish.only or wish.retry_failed):
        raise InvalidJob(
            f"there is no dub in {translation.target_language!r} yet of which some lines could be done again",
            hint="Dub once without --only and --retry-failed; --audition makes a line by itself.",
        )
    failed = before is not None and any(take.state == "failed" for take in before.takes.takes)
    again = bool(wish.only) or (bool(wish.retry_failed) and failed)
    attempt = settled.settings.attempt + again
    heard = Layout(root).transcript
    transcript = read_transcript(heard) if heard.exists() else None
    for sentence in (*changed_film(root), *changed_lines(root, transcript, translation)):
        tell(sentence)
    named = _named(translation, transcript)
    staying = _standing(root, before, named, stems.source.rate, only, settled, wish, bool(audition))
    if wish.only:
        _tell_stale(named, staying, tell)
    consent = check_rights(run, settled, bool(wish.rights), before)
    cuts = _references(run, settled, stems, transcript)
    original = standing(root, ORIGINAL, Original)
    job = VoiceJob(
        voice=settled.voice,
        others=settled.others,
        rate=stems.source.rate,
        frame_rate=original.frame_rate if original is not None else "",
        cast=settled.roles,
        pitches=_pitches(run, stems, transcript, tell),
        earlier=settled.settings.like,
        attempt=attempt,
        standing=staying,
        only=only,
        again=bool(wish.only),
        references=cuts,
    )
    settings = structs.replace(settled.settings, attempt=attempt)
    if wish.only and before is not None:
        # Another voice for some lines is no wish for all of them.
        settings = structs.replace(
            before.settings, mix=settings.mix, mux=settings.mux, attempt=settings.attempt
        )
    return Prepared(named, _to_speak(named), stems, before, settled, settings, job, mix, place, consent)


def film_for(run: Run) -> Film:
    """The film that this run is of.

    Raises:
        InvalidJob: it is of a sound.
    """
    film = film_of(original_in(run.root))
    if film is None:
        raise InvalidJob(
            "this run is of a sound without a picture, so there is no film to put the dub into",
            hint="Leave out --mux (--no-mux); the mix itself is final.wav.",
        )
    return film


def has_text(translation: Translation) -> bool:
    """Whether there is anything to say in a translation."""
    return any(s.state == "translated" and s.text for s in translation.segments)


def dub_before(root: Path, language: str) -> tuple[Path, Dub | None]:
    """Where the dub is kept, and the one that is there."""
    try:
        place = dub_place(root, language)
        return place, read_dub(place) if place.exists() else None
    except InvalidJob as error:
        raise InvalidJob(
            error.message,
            hint="Move that file away and run the same command again: takes that were spoken are kept.",
        ) from None


def _check_lines(translation: Translation, only: Iterable[int]) -> None:
    known = {segment.id for segment in translation.segments}
    unknown = [number for number in only if number not in known]
    if unknown:
        raise InvalidJob(
            f"there is no line {unknown[0]} in {translation.target_language!r}",
            hint=f"They go from {min(known, default=0)} to {max(known, default=0)}.",
        )


def _named(translation: Translation, transcript: Transcript | None) -> Translation:
    """The translation with the names that its speakers have been given since."""
    names = {s.id: s.name for s in transcript.speakers if s.name} if transcript is not None else {}
    speakers = tuple(structs.replace(s, name=names.get(s.id, s.name)) for s in translation.speakers)
    return structs.replace(translation, speakers=speakers)


def _to_speak(translation: Translation) -> Translation:
    """What a take depends on and nothing else, so that no other change has anything spoken again."""
    segments = tuple(
        TranslatedSegment(
            id=s.id,
            start=s.start,
            end=s.end,
            speaker=s.speaker,
            text=s.text,
            source_text="",
            state=s.state,
            tone=s.tone,
        )
        for s in translation.segments
    )
    speakers = tuple(structs.replace(s, seconds=0.0, label="") for s in translation.speakers)
    return structs.replace(
        translation,
        segments=segments,
        speakers=speakers,
        translator=None,
        paces={},
        totals=Totals(),
        notes=(),
    )


def _standing(
    root: Path,
    before: Dub | None,
    translation: Translation,
    rate: int,
    only: tuple[int, ...],
    settled: SettledDub,
    wish: DubWish,
    audition: bool,
) -> tuple[Take, ...]:
    """The takes that stay as they are: with `only` all others, else those that were spoken by themselves."""
    if before is None or wish.forget:
        return ()
    as_asked = structs.replace(settled.settings, mix={}, mux=None, attempt=0)
    unchanged = as_asked == structs.replace(before.settings, mix={}, mux=None, attempt=0)
    lines = {segment.id: segment for segment in translation.segments}
    found = []
    for take in before.takes.takes:
        segment = lines.get(take.id)
        if segment is None or take.rate != rate or (take.path and not Layout(root).file(take.path).is_file()):
            continue
        same = (spoken_text(segment), segment.speaker) == (take.text, take.speaker) and (
            abs(segment.end - segment.start - take.slot) < 1e-5
        )
        sounds = take.state in ("spoken", "too_long")
        other = bool(only) and take.id not in only
        by_itself = take.retaken if not only else audition and unchanged
        if other or (same and sounds and by_itself):
            found.append(take)
    return tuple(found)


def _tell_stale(translation: Translation, standing: tuple[Take, ...], tell: Tell) -> None:
    lines = {segment.id: spoken_text(segment) for segment in translation.segments}
    stale = [take.id for take in standing if lines[take.id] != take.text]
    if stale:
        listed = ", ".join(map(str, stale[:10])) + (", ..." if len(stale) > 10 else "")
        tell(f"{len(stale)} other lines were edited since and keep their old takes: {listed}")


def check_rights(run: Run, settled: SettledDub, given: bool, before: Dub | None = None) -> bool | None:
    """Whether the rights to the voices were claimed; asked for once a run, where a voice clones.

    Raises:
        InvalidJob: a voice clones, and nobody has said that they may.
    """
    cloning = any(clones(choice) for choice in (settled.voice, *settled.others))
    known = standing(run.root, RIGHTS, VoiceRights)
    recorded = True if known is not None else before.consent if before is not None else None
    require_consent(cloning, given, recorded)
    if not cloning and not given:
        return recorded
    run.step(keep_rights, VoiceRights(), stands=RIGHTS)
    return True


def check_clonable(settled: SettledDub, separated: bool) -> None:
    """Refuse to clone voices out of a sound that was not separated.

    Raises:
        InvalidJob: a voice clones, and the actors' voices are not to be had by themselves.
    """
    if not separated and any(clones(choice) for choice in (settled.voice, *settled.others)):
        raise InvalidJob(
            "this voice clones the actors' voices, which with --budget low are not separated from the rest",
            hint="Use --budget standard, or another voice.",
        )


def _references(run: Run, settled: SettledDub, stems: Stems, transcript: Transcript | None) -> References:
    """Cuts of the speakers' own voices, where a voice clones."""
    if not any(clones(choice) for choice in (settled.voice, *settled.others)):
        return References()
    if transcript is None:
        raise InvalidJob(
            f"there is no transcript in {run.root}, so nobody's voice can be found to clone",
            hint="Run `dubline transcribe` first, on the same film.",
        )
    return run.step(references, stems.vocals, transcript, ReferenceJob())


def _pitches(run: Run, stems: Stems, transcript: Transcript | None, tell: Tell) -> dict[str, float]:
    """How high each speaker's voice is, from the separated voices."""
    if transcript is None:
        tell("voices are cast without the actors' pitch: there is no transcript.json")
        return {}
    if find_spec("parselmouth") is None:
        tell(f"voices are cast without the actors' pitch: it needs Parselmouth, {extra_command('speech')}")
        return {}
    heard = stems.vocals.sound if stems.separated else stems.source
    measured: SpeakerPitches = run.step(speaker_pitches, heard, transcript)
    return measured.hertz
