"""What a run does to have stems: settle who separates, do it, and put the stems where a person looks.

    separating = settle_separation(wish)      who, with which models, and why; nothing is loaded
    stems = separate_run(run, original, separating, hints={})

The first model takes the voices; a film model, where there is one for it, splits music from effects in what
they leave. A separator without weights is a preview: unless asked, no large model runs after it.

Where the content is left open and decides something, it is heard in the sound itself once that is there
(`dubline.separation.content`), and what was settled until then is settled anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from dubline.backends.backend import Sought
from dubline.backends.choosing import Settled, find, settle
from dubline.errors import BackendMissing, DublineError, InvalidJob, WeightsError
from dubline.media.film_place import ORIGINAL
from dubline.media.raw_audio import raw_audio
from dubline.run import Damaged, Run, read_wish, standing
from dubline.separation.plan import SeparationJob
from dubline.subtitles.line_times import read_lines
from dubline.values.base import Choice
from dubline.values.layout import Layout
from dubline.values.media import Line, Original, Sound
from dubline.values.stems import Stems
from dubline.values.wishes import SeparateWish, file_of

STEMS = "stems"
"""What a run calls the stems that it stands on."""
SHORT = 300.0
"""Seconds: what is shorter is not separated where the budget is low."""


class Separating(NamedTuple):
    """A decision: the wish with all that was left open, the job of it, and the reasons in words.

    `job` is None where nothing is to be separated. `again`: where the content is still to be heard, makes
    the decision with what was heard, its kind and a sentence; `job` is what would be done with dialogue, and
    there are no reasons yet. `gone`: why what the run separated with cannot be used any more, where nothing
    was asked for and its stems may stay.
    """

    wish: SeparateWish
    job: SeparationJob | None
    reasons: tuple[str, ...]
    again: Callable[[tuple[str, str]], Separating] | None = None
    gone: DublineError | None = None

    @property
    def spared(self) -> bool:
        """Whether a low budget separates nothing."""
        return self.job is None and self.gone is None


def settle_run(root: Path, wish: SeparateWish, seconds: float | None) -> Separating:
    """Decide who separates for the run in `root`: as `settle_separation`, but where nothing is asked for and
    what the run separated with is gone, its stems stay.

    Raises:
        As `settle_separation`.
    """
    before = read_wish(root, "separate", SeparateWish)
    try:
        return settle_separation(wish, before, seconds=seconds)
    except (InvalidJob, BackendMissing, WeightsError) as error:
        if before is None or wish != SeparateWish() or stems_of(root) is None:
            raise
        kept = f"stems: those that this run has, though they could not be made again ({error.message})"
        return Separating(before, None, (kept,), gone=error)


def settle_separation(
    wish: SeparateWish,
    before: SeparateWish | None = None,
    heard: tuple[str, str] | None = None,
    seconds: float | None = None,
) -> Separating:
    """Decide who separates. `before` is what the run was asked the last time, `heard` what kind of content
    was found in the sound, and a sentence on that. `seconds`: how long the sound is, for a low budget.

    Raises:
        InvalidJob: an unknown separator or option, or settings that contradict each other.
        BackendMissing, WeightsError: one that was named cannot be used, or none is here for the content.
    """
    asked, wish = wish, wish.over(before)
    if wish.budget == "low" and seconds is not None and seconds < SHORT:
        return _unseparated(asked, wish)
    # A film model that came in after a run was settled is taken when somebody asks, and not before.
    as_it_was = before is not None and before.content is not None and asked == SeparateWish()
    film = None if as_it_was and not wish.film_model else _film_model(wish)
    content: str = wish.content or "auto"
    reasons: list[str] = []
    if content == "auto":
        content, why = _content(wish, film, heard)
        if not content:
            job = settle_separation(asked, before, ("dialogue", "")).job
            return Separating(wish, job, (), lambda found: settle_separation(asked, before, found))
        reasons.append(why)
    if content == "cinematic" and film is None and asked.content == "cinematic":
        raise WeightsError(
            "cinematic content needs a film model (music, sfx, speech), and there is none",
            hint="Import one with `dubline models import PATH`, name it with --film-model, or use "
            "--content dialogue.",
        )
    first = _first(wish, content, film, asked.origin("separator"))
    reasons.extend(first.reasons)
    if content == "cinematic" and film is None:
        reasons.append(
            f"{_bed_of(wish)}: a film model would split them better, and there is none. {_film_hint()}"
        )
    second: Choice | None = None
    large = content == "cinematic" or (
        content == "dialogue" and bool(wish.film_model or not _preview(first.choice.backend))
    )
    if film is not None and large and _model(first.choice) != _model(film.choice):
        second = _with_shared_options(film, first.choice)
        reasons.append(f"film model: {_model(second)}, for music and effects in what the voices leave")
    job = SeparationJob(
        split=_splits(wish) and content != "music" and second is None,
        separator=first.choice,
        film=second,
        background=wish.background or "residual",
        depth=wish.depth or "auto",
        ambient=wish.ambient is not False,
        lines=_lines(wish),
    )
    settled = replace(
        wish,
        content=content,
        separator=first.choice.backend,
        separator_model=_model(first.choice) or None,
        film_model=_model(second) if second else wish.film_model,
    )
    return Separating(settled, job, tuple(reasons))


def separate_run(
    run: Run,
    sound: Sound,
    separating: Separating,
    *,
    hints: Mapping[str, Any],
    tell: Callable[[str], None] = lambda words: None,
) -> Stems:
    """The stems of a sound, which the run stands on from now on, in stems/ with their picture.

    Where nothing is to be separated it is those that are there, or none, and `raw_audio.wav`. `tell` gets the
    reasons of what could only be decided by listening.

    Raises:
        As `dubline.separation.separate` and `settle_separation`.
    """
    from dubline.separation.stage import separate

    if separating.gone is not None:
        stems = stems_of(run.root, sound)
        if stems is None:  # they are of another sound
            raise separating.gone
        return stems
    if separating.job is None:
        raw_audio(run, sound)
        run.keep_wish("separate", separating.wish.kept())
        return stems_of(run.root, sound) or Stems(source=sound)
    if separating.again is not None:
        separating = separating.again(_heard(run, sound))
        for reason in separating.reasons:
            tell(reason)
    stems = run.step(
        separate,
        sound,
        separating.job,
        hints={**hints, "reasons": separating.reasons},
        stands=STEMS,
    )
    run.publish_all(
        (
            *((stem.path, run.layout.stem(stem.name)) for stem in stems.stems),
            (f"{stems.vocals.path.rpartition('/')[0]}/stems.png", run.layout.picture),
        )
    )
    if stems.lost:
        tell(
            f"{stems.lost}: either nobody speaks in it, or this separator missed the voices. Compare "
            "stems/vocals.wav with the film, or try another --separator"
        )
    run.keep_wish("separate", separating.wish.kept())
    return stems


def stems_for(
    run: Run,
    sound: Sound,
    wish: SeparateWish,
    *,
    hints: Mapping[str, Any],
    tell: Callable[[str], None] = lambda words: None,
) -> Stems:
    """The stems of a sound for whoever needs its voices: those that the run has; only where it has none, or
    something is asked of them, it is separated.

    Raises:
        As `settle_separation` and `separate_run`.
    """
    try:
        stems = stems_of(run.root, sound)
    except Damaged:  # told, and made again
        stems = None
    if stems is not None and wish == SeparateWish():
        return stems
    separating = settle_run(run.root, wish, sound.duration)
    for reason in separating.reasons:
        tell(reason)
    return separate_run(run, sound, separating, hints=hints, tell=tell)


def stems_of(root: Path, sound: Sound | None = None) -> Stems | None:
    """The stems that a run stands on; None where it has none, or none of this sound.

    Raises:
        Damaged: they are not as they were written.
    """
    stems = standing(root, STEMS, Stems)
    if stems is None or not all(Layout(root).file(stem.path).is_file() for stem in stems.stems):
        return None
    return stems if sound is None or _identity(stems.source) == _identity(sound) else None


def background_of(root: Path) -> Stems | None:
    """What a dub of the run in `root` is mixed with: its stems; where it was not to be separated, none of
    them but their source; None where it is still to be separated."""
    wish, original = read_wish(root, "separate", SeparateWish), standing(root, ORIGINAL, Original)
    if wish is None or wish.budget != "low" or original is None:
        return stems_of(root)
    return stems_of(root, original.sound) or Stems(source=original.sound)


def _identity(sound: Sound) -> tuple[str, int, int]:
    return sound.fingerprint or sound.path, sound.rate, sound.frames


def _unseparated(asked: SeparateWish, wish: SeparateWish) -> Separating:
    """The decision to separate nothing.

    Raises:
        InvalidJob: a separator is named in the same breath.
    """
    if asked.separator not in (None, "auto") or asked.separator_model or asked.film_model:
        raise InvalidJob(
            f"a separator or model together with --budget low, which separates nothing under {SHORT / 60:g} "
            "minutes",
            hint="Leave one of the two out.",
        )
    return Separating(
        wish,
        None,
        (
            f"budget: low, and this is shorter than {SHORT / 60:g} minutes: nothing is separated. A dub lies "
            "over the film's own sound, turned down under each line. Better and slower: --budget standard",
        ),
    )


def _content(wish: SeparateWish, film: Settled | None, heard: tuple[str, str] | None) -> tuple[str, str]:
    """(kind of content, why) where nobody named it; "" where it must be heard first."""
    if wish.film_model:
        return "cinematic", "content: cinematic, since a film model is named"
    chooses = wish.separator in (None, "auto") and not wish.separator_model
    if not chooses and (film is None or _preview(wish.separator)):
        return (
            "dialogue",
            f"content: dialogue; {_bed_of(wish)}. A film model would split them better",
        )
    return heard or ("", "")


def _splits(wish: SeparateWish) -> bool:
    """Whether a bed is taken apart by estimate where no film model does it."""
    return wish.ambient is not False and wish.background in (None, "residual")


def _bed_of(wish: SeparateWish) -> str:
    return (
        "music, effects and ambience are told apart by estimate (--no-ambient keeps them in one bed)"
        if _splits(wish)
        else "music, effects and ambience stay together in one bed"
    )


def _heard(run: Run, sound: Sound) -> tuple[str, str]:
    """(kind, why) of what a sound was found to be."""
    from dubline.separation.content import detector_identity, hear_content

    try:
        content = run.step(hear_content, sound, detector_identity())
    except BackendMissing as error:
        # Nobody named the detector, and a person can say what it would find.
        return "dialogue", (
            f"content: taken as dialogue, since nothing here can listen for it ({error.message}). "
            f"Name it with --content, or: {error.hint}"
        )
    return content.kind, content.reason


def _film_hint() -> str:
    try:
        settle("separator", "auto", Sought(content="film"))
    except WeightsError as error:
        bare = error.hint.startswith("`") and error.hint.endswith("`")  # a command and nothing else
        return f"What runs one comes by {error.hint}." if bare else error.hint
    return ""


def _film_model(wish: SeparateWish) -> Settled | None:
    """The film model that is named, or the best that is here."""
    if wish.film_model and wish.content == "music":
        raise InvalidJob(
            "a film model was named, and music content does without",
            hint="Leave out --film-model, or use --content cinematic or dialogue.",
        )
    try:
        return settle("separator", "auto", Sought(content="film", model=wish.film_model or ""))
    except WeightsError:
        if wish.film_model:
            raise
        return None


def _first(wish: SeparateWish, content: str, film: Settled | None, why: str) -> Settled:
    """Who takes the voices; the film model alone where it is all there is."""
    backend, model = wish.separator or "auto", wish.separator_model or ""
    try:
        return settle(
            "separator",
            backend,
            Sought(content=content, model=model, besides=_model(film.choice) if film else ""),
            options=wish.separator_options,
            why=why,
        )
    except WeightsError as error:
        if film is None and content == "cinematic" and not model and backend == "auto":
            # Who does without a film model ranks for voices: what is taken instead is told.
            return _first(wish, "dialogue", None, why)
        if model or film is None or backend not in ("auto", film.choice.backend):
            raise
        reason = (
            f"separator: {film.choice.backend} with the film model {_model(film.choice)} alone "
            f"({error.message}). A voice model before it would leave less dialogue in the music"
        )
        return settle(
            "separator",
            film.choice.backend,
            Sought(content="film", model=_model(film.choice)),
            options=wish.separator_options,
        )._replace(reasons=(reason,))


def _preview(backend: str | None) -> bool:
    """Whether a back end that was named works without weights."""
    if backend in (None, "auto"):
        return False
    return find("separator", str(backend)).weights_here(Sought()) is None


def _with_shared_options(film: Settled, first: Choice) -> Choice:
    """The film model with those of the first model's options that it knows too."""
    known = find("separator", film.choice.backend).Options.__struct_fields__
    shared = {name: value for name, value in first.options.items() if name in known and name != "model"}
    return replace(film.choice, options={**shared, **film.choice.options})


def _model(choice: Choice) -> str:
    return str(choice.options.get("model", ""))


def _lines(wish: SeparateWish) -> tuple[Line, ...] | None:
    path = file_of(wish, "lines")
    return read_lines(path) if path is not None else None
