"""What each target carries, as a table made of what the targets say of themselves.

python -m otio_dubline.loss_table                        prints it
python -m otio_dubline.loss_table docs/timelines.md      renews it in a file, between its two marks
"""

from __future__ import annotations

import sys
from pathlib import Path

from dubline.errors import DublineError, InvalidJob
from dubline.files import write_whole
from otio_dubline.exporters import TARGETS, target

FEATURES = (
    "picture",
    "mono tracks",
    "stereo tracks",
    "5.1",
    "track names",
    "takes",
    "disabled tracks",
    "levels",
    "start timecode",
    "media timecode",
    "markers",
    "marker colours",
    "subtitles",
    "speaker names",
)
BEGIN = "<!-- loss table: python -m otio_dubline.loss_table docs/timelines.md -->"
END = "<!-- end of loss table -->"


def loss_table() -> str:
    """The table in Markdown: a row for each feature, a column for each target; reasons as notes below.

    Targets of one module stand in one column.
    """
    columns: dict[str, list[str]] = {}
    for name, module in TARGETS.items():
        columns.setdefault(module if module == "subtitles" else name, []).append(name)
    titles, tables = [], []
    for names in columns.values():
        titles.append(", ".join(names))
        tables.append(target(names[0]).TARGET_FEATURES)
    notes: dict[str, int] = {}
    rows = [f"| | {' | '.join(titles)} |", f"|---{'|---' * len(titles)}|"]
    for feature in FEATURES:
        cells = [_cell(features.get(feature, "yes"), notes) for features in tables]
        rows.append(f"| {feature} | {' | '.join(cells)} |")
    rows.append("")
    rows += [f"{number}. {text[:1].upper()}{text[1:]}." for text, number in notes.items()]
    return "\n".join(rows)


def _cell(text: str, notes: dict[str, int]) -> str:
    """ "part: why" -> "part (1)"."""
    word, _, why = text.partition(":")
    if not why.strip():
        return text
    number = notes.setdefault(why.strip().rstrip("."), len(notes) + 1)
    return f"{word} ({number})"


def renewed(document: str) -> str:
    """A document with its table as it is now.

    Raises:
        InvalidJob: the two marks are not in it.
    """
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise InvalidJob("the document has no place for the table", hint=f"Put {BEGIN} and {END} into it.")
    return f"{head}{begin}\n{loss_table()}\n{end}{tail}"


def main(words: list[str]) -> int:
    """Print the table, or put it into a document."""
    try:
        if not words:
            print(loss_table())
            return 0
        path = Path(words[0])
        write_whole(path, renewed(path.read_text(encoding="utf-8")).encode())
    except (DublineError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
