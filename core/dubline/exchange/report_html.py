"""A run as one page of HTML, from values alone. Every text of the run is data: nothing of it becomes markup.

There is no script in the page, and nothing in it is fetched: styles are inside, pictures and sounds are the
run's own files, by paths from the run folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from dubline.exchange.report_models import Used, safe, used_html
from dubline.exchange.report_style import STYLE
from dubline.exchange.report_words import FITS, KINDS
from dubline.language.markup import unmark
from dubline.programme.reading import LOW_CONFIDENCE
from dubline.report import clock_text, quantity
from dubline.values.dubbed import Dub, Take
from dubline.values.languages import language_name
from dubline.values.programme import Mark
from dubline.values.transcript import Segment, Transcript
from dubline.values.translated import TranslatedSegment, Translation

SHOWN = 20
"""Places of a kind that are listed by themselves; the table of lines marks them all."""

POLICY = "script-src 'none'; connect-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'"


class Made(NamedTuple):
    """A file or folder of the run: its path from the run folder, what it is, and its size in words."""

    path: str
    what: str
    size: str = ""


class Page(NamedTuple):
    """All that the page shows. `samples`: a speaker's id -> path of a sound. `doubts`: what does not belong
    together any more. `notes`: what was told during the work."""

    name: str
    film: str
    made: Sequence[Made] = ()
    picture: str = ""
    transcript: Transcript | None = None
    samples: dict[str, str] = {}
    translations: Sequence[Translation] = ()
    dubs: Sequence[Dub] = ()
    marks: Sequence[Mark] = ()
    doubts: Sequence[str] = ()
    notes: Sequence[str] = ()
    used: Sequence[Used] = ()
    version: str = ""


def page_html(page: Page) -> str:
    """The page as text, to be written as UTF-8."""
    sections = [
        ("made", "What was made", _made(page)),
        ("look", "What to look at first", _look(page)),
        ("picture", "The sound", _picture(page)),
        ("speakers", "Speakers", _speakers(page)),
        ("lines", "Lines", _lines(page)),
        ("used", "What was used", used_html(page.used)),
    ]
    there = [(key, title, text) for key, title, parts in sections if (text := "\n".join(parts))]
    nav = " ".join(f'<a href="#{key}">{title}</a>' for key, title, _ in there)
    body = "\n".join(
        f'<section id="{key}"><h2>{title}</h2>\n{text}\n</section>' for key, title, text in there
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{safe(page.name)} - Dubline</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>{safe(page.name)}</h1>
{"".join(_facts(page))}<nav>{nav}</nav></header>
{body}
<footer><p class="soft">Dubline {safe(page.version)}. Everything here lies in this folder.</p></footer>
</body>
</html>
"""


def _href(path: str) -> str:
    return safe(quote(path))


def _facts(page: Page) -> Iterator[str]:
    facts = [f"from {page.film}"] if page.film else []
    if page.transcript is not None:
        facts += [
            clock_text(page.transcript.duration)[:8],
            quantity(len(page.transcript.segments), "line"),
            quantity(len(page.transcript.speakers), "speaker"),
        ]
        spoken = page.transcript.language
        facts += [f"in {_language(spoken)}"] if spoken else []
    if page.translations:
        facts.append("to " + ", ".join(_language(t.target_language) for t in page.translations))
    if facts:
        yield f'<p class="soft">{safe("; ".join(facts))}</p>'


def _language(code: str) -> str:
    return language_name(code) if code else "an unknown language"


# --- what to look at -----------------------------------------------------------------------------


def _look(page: Page) -> Iterator[str]:
    ids = {line.id for line in _of_first_table(page)}
    for kind, what in KINDS.items():
        mine = [mark for mark in page.marks if mark.kind == kind]
        if not mine:
            continue
        tone = "bad" if "failed" in kind else "warn"
        yield f'<h3 class="{tone}">{quantity(len(mine), "line")} {what}</h3><ul>'
        for mark in mine[:SHOWN]:
            at = clock_text(mark.start)[:8]
            link = f'<a href="#l{mark.id}">{mark.id}, {at}</a>' if mark.id in ids else f"{mark.id}, {at}"
            yield f'<li>{link}: <span dir="auto">{safe(mark.text)}</span></li>'
        if len(mine) > SHOWN:
            yield f"<li>and {len(mine) - SHOWN} more, marked in the lines below</li>"
        yield "</ul>"
    if page.doubts:
        yield "<ul>"
        yield from (f'<li class="warn">{safe(doubt)}</li>' for doubt in page.doubts)
        yield "</ul>"
    if not page.marks and not page.doubts:
        yield "<p>No line needs an eye.</p>"
    if page.notes:
        yield f"<details><summary>{quantity(len(page.notes), 'note')} from the work</summary><ul>"
        yield from (f"<li>{safe(note)}</li>" for note in page.notes)
        yield "</ul></details>"


def _of_first_table(page: Page) -> Sequence[Segment | TranslatedSegment]:
    if page.translations:
        return page.translations[0].segments
    return page.transcript.segments if page.transcript is not None else ()


# --- files, picture, speakers --------------------------------------------------------------------


def _made(page: Page) -> Iterator[str]:
    if page.made:
        yield "<ul>"
        for made in page.made:
            size = f', <span class="soft">{safe(made.size)}</span>' if made.size else ""
            yield f'<li><a href="{_href(made.path)}">{safe(made.path)}</a>: {safe(made.what)}{size}</li>'
        yield "</ul>"
    for dub in page.dubs:
        states = Counter(take.state for take in dub.takes.takes)
        told = ", ".join(
            f"{states[state]} {state.replace('_', ' ')}"
            for state in ("spoken", "too_long", "failed", "silent")
        )
        yield f"<p>Dub in {safe(_language(dub.language))}: {told}.{_loudness(dub)}</p>"
    for translation in page.translations:
        totals = translation.totals
        fitting = f", {totals.fitting:.1%} fit their time" if totals.fitting is not None else ""
        yield (
            f"<p>Translation into {safe(_language(translation.target_language))}: {totals.translated} "
            f"translated, {totals.failed} failed, {totals.pending} left to a person, {totals.too_long} too "
            f"long{fitting}.</p>"
        )


def _loudness(dub: Dub) -> str:
    if dub.mix is None or dub.mix.after.integrated is None or dub.mix.after.true_peak is None:
        return ""
    after, target = dub.mix.after, safe(dub.mix.target)
    return f" Loudness {after.integrated:.1f} LUFS, true peak {after.true_peak:.1f} dBTP ({target})."


def _picture(page: Page) -> Iterator[str]:
    if page.picture:
        yield (
            f'<a href="{_href(page.picture)}"><img src="{_href(page.picture)}" loading="lazy" '
            'alt="Waveforms and spectrograms of the stems on one time axis"></a>'
        )


def _speakers(page: Page) -> Iterator[str]:
    if page.transcript is None or not page.transcript.speakers:
        return
    counts = Counter(segment.speaker for segment in page.transcript.segments)
    yield '<div class="cards">'
    for speaker in page.transcript.speakers:
        parts = [f"<strong>{safe(speaker.name or speaker.id)}</strong>"]
        if speaker.name:
            parts.append(f' <span class="soft">{safe(speaker.id)}</span>')
        said = quantity(counts[speaker.id], "line")
        parts.append(f"<br>{speaker.seconds:.1f} s in {said}")
        for dub in page.dubs:
            for role in dub.takes.cast:
                if role.speaker == speaker.id:
                    who = f"{_language(dub.language)}: {role.voice}"
                    parts.append(f'<br><span class="soft">{safe(who)}</span>')
        if speaker.id in page.samples:
            label = safe(f"A sample of {speaker.name or speaker.id}")
            source = _href(page.samples[speaker.id])
            parts.append(f'<audio controls preload="none" src="{source}" aria-label="{label}"></audio>')
        yield f'<div class="card">{"".join(parts)}</div>'
    yield "</div>"


# --- lines -----------------------------------------------------------------------------------------


def _lines(page: Page) -> Iterator[str]:
    names = {s.id: s.name for s in page.transcript.speakers} if page.transcript is not None else {}
    said = {s.id: s for s in page.transcript.segments} if page.transcript is not None else {}
    if not page.translations and page.transcript is not None and page.transcript.segments:
        yield from _table("", _heard(page.transcript, names), ("Time", "Speaker", "Words", "Confidence"))
    for number, translation in enumerate(page.translations):
        takes = {
            take.id: take
            for dub in page.dubs
            if dub.language == translation.target_language
            for take in dub.takes.takes
        }
        rows = _translated(translation, takes, names, said, "l" if number == 0 else f"t{number}-")
        title = safe(_language(translation.target_language))
        yield f"<details{' open' if number == 0 else ''}><summary>{title}</summary>"
        heads = ("Time", "Speaker", "Said", "Translation", "Fit", "Take")
        yield from _table(str(number), rows, heads)
        yield "</details>"


def _table(key: str, rows: Iterable[str], heads: Sequence[str]) -> Iterator[str]:
    yield f'<input type="checkbox" id="only{key}"><label for="only{key}"> only lines to look at</label>'
    yield f"<table><thead><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr></thead><tbody>"
    yield from rows
    yield "</tbody></table>"


def _heard(transcript: Transcript, names: dict[str, str]) -> Iterator[str]:
    for s in transcript.segments:
        low = bool(s.doubted) or (s.confidence is not None and s.confidence < LOW_CONFIDENCE)
        sure = f"{s.confidence:.0%}" if s.confidence is not None else ""
        yield (
            f'<tr id="l{s.id}"{" class=look" if low else ""}>{_first_cells(s, names)}'
            f"{_said(s.text, s.language or '', transcript.language, s.doubted)}"
            f'<td data-is="Confidence">{sure}</td></tr>'
        )


def _said(text: str, language: str, main: str, doubt: str) -> str:
    """A cell with what was heard, its language where that is not the film's, and why it may be made up."""
    other = f' <span class="soft">{safe(_language(language))}</span>' if language else ""
    why = f'<br><span class="warn">may be made up: {safe(doubt)}</span>' if doubt else ""
    return f'<td lang="{safe(language or main)}" dir="auto">{safe(text)}{other}{why}</td>'


def _first_cells(line: Segment | TranslatedSegment, names: dict[str, str]) -> str:
    who = names.get(line.speaker) or line.speaker
    time = f'{clock_text(line.start)[:-2]} <span class="soft">{line.id}</span>'
    return f'<td class="time">{time}</td><td>{safe(who)}</td>'


def _translated(
    translation: Translation,
    takes: dict[int, Take],
    names: dict[str, str],
    said: dict[int, Segment],
    anchor: str,
) -> Iterator[str]:
    target = safe(translation.target_language)
    for line in translation.segments:
        take = takes.get(line.id)
        failed = line.state == "failed" or (take is not None and take.state == "failed")
        heard = said.get(line.id)
        sure = heard.confidence if heard is not None else None
        doubt = heard.doubted if heard is not None else line.doubt or ""
        look = line.state == "pending" or bool(line.warnings) or bool(doubt)
        look = look or (sure is not None and sure < LOW_CONFIDENCE)
        length = take.state if take is not None else line.fit and line.fit.status
        look = look or length == "too_long"
        mark = ' class="worse"' if failed else ' class="look"' if look else ""
        yield (
            f'<tr id="{anchor}{line.id}"{mark}>{_first_cells(line, names)}'
            f"{_said(line.source_text, line.source_language or '', translation.source_language, doubt)}"
            f'<td lang="{target}" dir="auto">{safe(line.text or "")}{_told(line)}</td>'
            f'<td data-is="Fit">{_fit(line)}</td><td data-is="Take">{_take(line, take)}</td></tr>'
        )


def _told(line: TranslatedSegment) -> str:
    told = []
    if line.state in ("failed", "pending"):
        what = "; ".join(("not translated", *line.reasons)) if line.state == "failed" else "left to a person"
        told.append(f'<span class="{"bad" if line.state == "failed" else "warn"}">{safe(what)}</span>')
    if line.warnings:
        told.append(f'<br><span class="warn">{safe("; ".join(line.warnings))}</span>')
    if line.locked:
        told.append('<br><span class="soft">by hand</span>')
    return "".join(told)


def _fit(line: TranslatedSegment) -> str:
    if line.fit is None:
        return ""
    tone = ' class="warn"' if line.fit.status == "too_long" else ""
    return f"<span{tone}>{FITS[line.fit.status]} ({line.fit.speed:.2f})</span>"


def _take(line: TranslatedSegment, take: Take | None) -> str:
    if take is None:
        return ""
    tone = {"failed": "bad", "too_long": "warn"}.get(take.state, "")
    parts = [take.state.replace("_", " "), *take.reasons]
    if take.state != "silent" and take.text != unmark(line.text or "").plain:
        parts.append("of the words before")
    return f'<span class="{tone}">{safe("; ".join(parts))}</span>'
