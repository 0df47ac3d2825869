"""The translation stage: a transcript in, its translation out, segment by segment.

    segments -> phrases      pieces of one sentence are joined            (`phrases`, `sentences`)
    phrases -> candidates    the translator, asked for each line once     (`asking`, `memory`)
    candidates -> a choice   by score, fit to the time, force             (`isochrony`)
    a choice -> segments     split back one to one, markup put back       (`splitting`, `markup`)

What does not fit is asked for again, shorter or longer; what cannot be split, or fails a check, part by part.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, structs

from dubline.backends.choosing import find, opened
from dubline.errors import InvalidJob
from dubline.fit.durations import DurationModel, default_model, pace
from dubline.fit.isochrony import FitRules, rooms
from dubline.fit.speech_time import SpeechTime
from dubline.language.markup import unmark
from dubline.language.script import base_language
from dubline.report import part
from dubline.run import Work, step
from dubline.translation.asking import Asking
from dubline.translation.memory import Memory
from dubline.translation.phrases import phrases
from dubline.translation.solving import Outcome, Solver, glossary_hits
from dubline.translation.sources import is_in
from dubline.translation.tone import Tones
from dubline.values.base import Choice, Value, key_of
from dubline.values.glossary import Term
from dubline.values.layout import Layout
from dubline.values.transcript import Engine, Transcript
from dubline.values.translated import TranslatedSegment, Translation, counted
from dubline.weights.files import licence_notice


class Person(Value, frozen=True):
    """Somebody of the cast, for translators that can use it: "female", "formal, an old judge"."""

    gender: str = ""
    register: str = ""


class TranslationJob(Value, frozen=True):
    """Which translator, into what language, and what it should know.

    `source` "" is the transcript's language. `others`: language -> the translator of lines in it, beside the
    film's own; where there is none they are left to a person. `cast`: speaker's id or name -> person. `rate`:
    frames a second, for the two free frames before the next cue ("" is 25). `durations`: speaker -> the model
    of the voice that will speak his lines, "" for everybody who is not listed; it counts instead of the
    language's and of the actor's pace. `kept`: lines of an earlier translation that stay as they are (see
    `kept.kept_lines`). `again`: ask a second time for lines that do not fit.
    """

    translator: Choice
    target: str
    source: str = ""
    glossary: tuple[Term, ...] = ()
    synopsis: str = ""
    cast: dict[str, Person] = {}
    rate: str = ""
    fit: FitRules = FitRules()
    durations: dict[str, DurationModel] = {}
    kept: tuple[TranslatedSegment, ...] = ()
    again: bool = True
    others: dict[str, Choice] | UnsetType = UNSET


@step("translate", version=1)
def translate(work: Work, transcript: Transcript, tones: Tones, job: TranslationJob) -> Translation:
    """Translate a transcript; as many segments come out as went in, with the same ids, speakers and times.

    What the translator answers is kept in the run folder as it comes, so that a run that was stopped goes on,
    and a later one asks for changed lines only.

    Raises:
        BackendMissing, WeightsError, BackendFailed, InvalidJob: the translator cannot be used as asked.
        Cancelled: the report asked to stop.
    """
    source = job.source or transcript.language
    check_languages(source, job.target)
    segments = transcript.segments
    for reason in work.hints.get("reasons", ()):
        work.note(reason)
    spoken = {s.id: s.name or s.id for s in transcript.speakers}
    unmarked = [unmark(segment.text) for segment in segments]
    texts = [text.plain for text in unmarked]
    tongues = [segment.language or source for segment in segments]
    free = rooms(segments, rate=job.rate, duration=transcript.duration, most=job.fit.most, gap=job.fit.gap)
    kept = {line.id: line for line in job.kept}
    outcomes: dict[int, Outcome] = {}
    engines: dict[str, Engine] = {}
    notes: dict[str, None] = {}
    times: dict[str, SpeechTime] = {}
    paces: dict[str, float] = {}
    choices = {source: job.translator, **(job.others or {})}
    done = 0
    for language in dict.fromkeys((source, *tongues)):
        mine = [number for number, tongue in enumerate(tongues) if tongue == language]
        own = pace([segments[number] for number in mine], default_model(language))
        paces = {**own, **paces}
        times[language] = time = SpeechTime(job.target, own, job.durations)
        if is_in(language, job.target) and language != source:
            outcomes |= {number: Outcome(text=texts[number]) for number in mine if texts[number]}
            continue
        choice = choices.get(language)
        if choice is None:
            continue
        backend = find("translator", choice.backend)
        engines[language] = Engine(choice=choice)
        if backend.by_hand:
            continue
        asked = key_of(_asked_of(backend, choice, job, language), digits=10)
        memory = Memory(Layout(work.root).memory / f"translator-{asked}.jsonl")
        count = len(segments) or 1
        report = part(work.report, done / count, len(mine) / count, count)
        with opened(
            "translator", _informed(backend, choice, job, language, spoken), work.hints
        ) as translator:
            for notice in filter(None, map(licence_notice, translator.identities)):
                work.note(notice)
            engines[language] = Engine(choice=choice, models=tuple(translator.identities))
            here = [text if tongue == language else "" for text, tongue in zip(texts, tongues, strict=True)]
            found = phrases(segments, here, language, whole_sentences=backend.whole_sentences)
            solver = Solver(
                asking=Asking(
                    translator,
                    memory,
                    report if len(mine) < len(segments) else work.report,
                    in_context=backend.in_context,
                    anew=work.hints.get("anew", ()),
                ),
                segments=segments,
                source=language,
                target=job.target,
                time=time,
                tones=tones.tones,
                rooms=free,
                rules=job.fit,
                glossary=job.glossary,
                speakers=spoken,
                in_context=backend.in_context,
                varies=backend.varies and job.again,
            )
            stay = {n: kept[s.id].text or "" for n, s in enumerate(segments) if s.id in kept}
            solved = solver.solve(found, stay)
            outcomes |= {number: solved[number] for number in mine if number in solved}
            notes |= dict.fromkeys(translator.notes)
        done += len(mine)
    for note in notes:
        work.note(note)
    lines = []
    for number, segment in enumerate(segments):
        old = kept.get(segment.id)
        tone = tones.tones.get(segment.id)
        outcome = outcomes.get(number, Outcome())
        line = TranslatedSegment(
            id=segment.id,
            start=segment.start,
            end=segment.end,
            speaker=segment.speaker,
            text=None,
            source_text=segment.text,
            state="silent" if not texts[number] else "failed" if outcome.reasons else "pending",
            reasons=outcome.reasons,
            candidates=outcome.candidates,
            sentence=outcome.sentence,
            tone=tone,
            source_language=segment.language,
        )
        if old is not None:
            plain, line = unmark(old.text or "").plain, _taken_over(old, line)
        elif outcome.text is not None:
            plain = outcome.text
            line = structs.replace(line, state="translated", warnings=outcome.warnings, picked=outcome.picked)
            line = line.with_text(unmarked[number].mark(plain, job.target))
        else:
            lines.append(line)
            continue
        if line.state == "translated":
            slot = segment.end - segment.start
            found_fit = times[tongues[number]].fit(
                plain, segment.speaker, slot, free[number], tone=tone, rules=job.fit
            )
            line = structs.replace(line, fit=found_fit)
        lines.append(line)
    made = tuple(lines)
    return Translation(
        source_language=source,
        target_language=job.target,
        duration=transcript.duration,
        segments=made,
        speakers=transcript.speakers,
        translator=engines.pop(source),
        translators=engines or UNSET,
        paces={speaker: round(factor, 4) for speaker, factor in paces.items()},
        totals=counted(made, glossary_hits(made, job.glossary, source, job.target)),
        notes=tuple(notes),
    )


def check_languages(source: str, target: str) -> None:
    """Refuse a pair of languages that is none.

    Raises:
        InvalidJob: one is missing, or both are the same.
    """
    if not source:
        raise InvalidJob("the film's language is not known", hint="Say it with --from, such as --from tr.")
    if not target:
        raise InvalidJob("no language to translate into", hint="Say it with --to, such as --to en.")
    if source.casefold() == target.casefold() or (
        base_language(source) == base_language(target) and "-" not in source + target
    ):
        raise InvalidJob(
            f"source and target are both {target}",
            hint="Check --from and --to, and the transcript's language.",
        )


def _asked_of(backend: Any, choice: Choice, job: TranslationJob, source: str) -> dict[str, Any]:
    """What an answer depends on besides its line."""
    names = [n for n in ("glossary", "synopsis", "cast") if n in backend.Options.__struct_fields__]
    told = {name: getattr(job, name) for name in names}
    return {"translator": choice, "source": source, "target": job.target, **told}


def _informed(
    backend: Any, choice: Choice, job: TranslationJob, source: str, spoken: dict[str, str]
) -> Choice:
    """The translator with the languages, and what it can use of the rest, among its options."""
    cast = {spoken.get(who, who): f"{p.gender}; {p.register}".strip("; ") for who, p in job.cast.items()}
    known = {
        "glossary": [(term.source, term.target) for term in job.glossary if term.target],
        "synopsis": job.synopsis,
        "cast": {name: text for name, text in cast.items() if text},
    }
    used = {k: value for k, value in known.items() if k in backend.Options.__struct_fields__ and value}
    options = {**choice.options, "source": source, "target": job.target, **used}
    return structs.replace(choice, options=options)


def _taken_over(old: TranslatedSegment, new: TranslatedSegment) -> TranslatedSegment:
    """An earlier line in the transcript as it is now."""
    tone = old.tone if old.tone is not None and old.tone.edited else new.tone
    return structs.replace(
        old,
        id=new.id,
        start=new.start,
        end=new.end,
        speaker=new.speaker,
        source_text=new.source_text,
        source_language=new.source_language,
        tone=tone,
    )
