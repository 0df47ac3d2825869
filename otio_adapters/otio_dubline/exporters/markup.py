"""XML of editing programs: elements with checked texts, and documents with a document type."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """A text as XML 1.0 may hold it: what it may not hold becomes U+FFFD, line breaks become "\\n"."""
    return _NOT_XML.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def add(
    parent: ET.Element, tag: str, text: str | int | None = None, attributes: dict[str, str] | None = None
) -> ET.Element:
    """Append `<tag>`; `text` is its content, None for none. Returns the new element."""
    made = ET.SubElement(
        parent, tag, {name: clean(value) for name, value in (attributes or {}).items() if value}
    )
    if text is not None:
        made.text = clean(str(text))
    return made


def add_all(parent: ET.Element, **texts: str | int) -> None:
    """Append an element for each text, in this order, named as it is."""
    for tag, text in texts.items():
        add(parent, tag, text)


def truth(value: bool) -> str:
    """TRUE or FALSE."""
    return "TRUE" if value else "FALSE"


def document(root: ET.Element) -> bytes:
    """A whole file in UTF-8, indented, `<!DOCTYPE root>` on its second line."""
    ET.indent(root, "  ")
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE {root.tag}>\n'
    return (head + ET.tostring(root, encoding="unicode") + "\n").encode("utf-8")
