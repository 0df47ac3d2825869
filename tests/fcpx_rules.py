"""What FCPXML 1.10 asks of a file, as far as ours go: in place of Apple's definition and of Final Cut.

Facts of Apple's FCPXML reference and of its document type definition: which elements stand where and in which
order, which attributes must and may be there, what refers to what, and how times count.
"""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from xml.etree.ElementTree import Element

FRAMES = {Fraction(n, rate) for n, rate in ((1001, 24000), (1001, 30000), (1001, 60000))} | {
    Fraction(1, rate) for rate in (24, 25, 30, 50, 60)
}
"""The lengths of a frame that a project may have, in seconds."""
DROP = {Fraction(1001, 30000), Fraction(1001, 60000)}
CAPTION_ROLE = re.compile(r"[^.?=]+\?captionFormat=SRT\.[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")

# Content in its order, attributes that must be there, attributes that may be there.
ANCHORED = "(audio |video |clip |title |caption |mc-clip |ref-clip |sync-clip |asset-clip |audition |spine )*"
MARKERS = "(marker |chapter-marker |rating |keyword |analysis-marker )*"
PLACED = {"lane", "offset", "name", "start", "duration", "enabled"}
RULES: dict[str, tuple[str, set[str], set[str]]] = {
    "fcpxml": ("(resources )?(library )?", {"version"}, set()),
    "resources": ("(asset |effect |format |media |locator )*", set(), set()),
    "format": ("", {"id"}, {"name", "frameDuration", "width", "height", "paspH", "paspV"}),
    "asset": (
        "(media-rep )+(metadata )?",
        {"id"},
        {"name", "start", "duration", "hasVideo", "format", "hasAudio", "videoSources", "audioSources"}
        | {"audioChannels", "audioRate"},
    ),
    "media-rep": ("(bookmark )?", {"src"}, {"kind"}),
    "library": ("(event )*", set(), set()),
    "event": ("(project )*", set(), {"name"}),
    "project": ("sequence ", set(), {"name"}),
    "sequence": (
        "(note )?spine (metadata )?",
        {"format"},
        {"duration", "tcStart", "tcFormat", "audioLayout", "audioRate"},
    ),
    "spine": ("(asset-clip |gap )*", set(), {"lane", "offset", "name"}),
    "asset-clip": (
        f"(note )?(conform-rate )?(timeMap )?(adjust-volume )?(adjust-panner )?{ANCHORED}{MARKERS}"
        "(audio-channel-source )*",
        {"ref"},
        PLACED | {"srcEnable", "tcFormat", "audioRole", "videoRole", "format"},
    ),
    "gap": (f"(note )?{ANCHORED}{MARKERS}", {"duration"}, {"name", "offset", "start", "enabled"}),
    "adjust-volume": ("", set(), {"amount"}),
    "audio-channel-source": ("", {"srcCh"}, {"outCh", "role"}),
    "caption": ("(text )*(text-style-def )*(note )?", {"duration"}, PLACED | {"role"}),
    "text": ("(text-style )*", set(), {"placement"}),
    "text-style-def": ("text-style ", {"id"}, {"name"}),
    "text-style": ("", set(), {"ref", "font", "fontSize", "fontFace", "fontColor", "backgroundColor"}),
    "marker": ("", {"start", "value"}, {"duration", "note", "completed"}),
}
VALUES = {
    "enabled": "[01]",
    "completed": "[01]",
    "srcEnable": "all|audio|video",
    "tcFormat": "DF|NDF",
    "audioLayout": "mono|stereo|surround",
    "placement": "left|right|top|bottom",
    "lane": "-?[1-9][0-9]*",
    **dict.fromkeys(("start", "duration", "offset", "tcStart", "frameDuration"), r"\d+(/\d+)?s"),
}


def check(root: Element) -> None:
    """Hold a document against everything below.

    Raises:
        AssertionError: with the element and what is wrong with it.
    """
    check_markup(root)
    check_references(root)
    for sequence in root.iter("sequence"):
        check_times(sequence, _by_id(root))


def check_markup(root: Element) -> None:
    """Elements in their order, attributes and their values."""
    assert (root.tag, root.get("version")) == ("fcpxml", "1.10"), (root.tag, root.get("version"))
    for element in root.iter():
        assert element.tag in RULES, element.tag
        content, must, may = RULES[element.tag]
        children = "".join(f"{child.tag} " for child in element)
        assert re.fullmatch(content, children), (element.tag, children)
        assert must <= set(element.attrib) <= must | may, (element.tag, element.attrib)
        for name, value in element.attrib.items():
            if name in VALUES:
                assert re.fullmatch(VALUES[name], value), (element.tag, name, value)
        if element.tag not in ("text", "text-style"):
            assert not (element.text or "").strip(), (element.tag, element.text)
        if element.tag == "caption":
            assert CAPTION_ROLE.fullmatch(element.get("role") or ""), element.attrib
    rates = {"32k", "44.1k", "48k", "88.2k", "96k", "176.4k", "192k"}
    assert all(sequence.get("audioRate") in rates for sequence in root.iter("sequence"))


def check_references(root: Element) -> None:
    """Every id once, every reference to an element of the right kind, with what is asked of it."""
    repeated = [
        name for name, count in Counter(e.get("id") for e in root.iter() if e.get("id")).items() if count > 1
    ]
    assert not repeated, repeated
    ids = _by_id(root)

    def kind(element: Element, name: str) -> str:
        target = ids.get(element.get(name) or "")
        return "" if target is None else target.tag

    for element in root.iter():
        if "format" in element.attrib:
            assert kind(element, "format") == "format", element.attrib
    for asset in root.iter("asset"):
        assert (asset.get("hasVideo") == "1") == ("format" in asset.attrib), asset.attrib
        assert "1" in (asset.get("hasVideo"), asset.get("hasAudio")), asset.attrib
    for clip in root.iter("asset-clip"):
        assert kind(clip, "ref") == "asset", clip.attrib
        asset, enabled = ids[clip.get("ref") or ""], clip.get("srcEnable", "all")
        for source, has in (("video", "hasVideo"), ("audio", "hasAudio")):
            assert enabled != source or asset.get(has) == "1", clip.attrib
        for channels in clip.iter("audio-channel-source"):
            numbers = [int(number) for number in (channels.get("srcCh") or "").split(",")]
            assert max(numbers) <= int(asset.get("audioChannels") or 0), channels.attrib
            assert len(numbers) == len((channels.get("outCh") or "").split(",")), channels.attrib
    for caption in root.iter("caption"):
        own = {style.get("id") for style in caption.iter("text-style-def")}
        assert {style.get("ref") for text in caption.iter("text") for style in text} <= own, caption.attrib


def check_times(sequence: Element, ids: dict[str, Element]) -> None:
    """Times on whole frames; a storyline without holes; what is connected, inside what holds it."""
    frame = seconds(ids[sequence.get("format") or ""], "frameDuration")
    assert frame in FRAMES, frame
    assert sequence.get("tcFormat") == "NDF" or frame in DROP, sequence.attrib
    first = seconds(sequence, "tcStart")
    assert (first / frame).denominator == 1, sequence.attrib
    at = first
    for item in next(sequence.iter("spine")):
        assert "lane" not in item.attrib, item.attrib
        assert seconds(item, "offset") == at, ("a hole or an overlap", item.attrib)
        _check_item(item, at, frame, ids)
        at += seconds(item, "duration")
    assert at - first == seconds(sequence, "duration"), (at, sequence.attrib)


def _check_item(item: Element, at: Fraction, frame: Fraction, ids: dict[str, Element]) -> None:
    """An item that begins at `at` seconds of the project, and what is on it."""
    start, length = seconds(item, "start"), seconds(item, "duration")
    assert (at / frame).denominator == (length / frame).denominator == 1, ("between frames", item.attrib)
    assert length > 0, item.attrib
    if item.tag == "asset-clip":
        asset = ids[item.get("ref") or ""]
        begin = seconds(asset, "start")
        assert ((start - begin) / frame).denominator == 1, ("between frames", item.attrib)
        assert begin <= start, (item.attrib, asset.attrib)
        assert start + length <= begin + seconds(asset, "duration"), (item.attrib, asset.attrib)
    for inner in item:
        if inner.tag not in ("asset-clip", "caption", "marker"):
            continue
        place = seconds(inner, "start" if inner.tag == "marker" else "offset")
        assert start <= place < start + length, ("outside of what holds it", inner.attrib, item.attrib)
        if inner.tag == "marker":
            assert ((place - start) / frame).denominator == 1, ("between frames", inner.attrib)
        else:
            assert "lane" in inner.attrib, inner.attrib
            _check_item(inner, at + place - start, frame, ids)


def seconds(element: Element, name: str) -> Fraction:
    """A time of an element, 0 where it has none; in the numbers that the format holds."""
    value = Fraction((element.get(name) or "0s")[:-1])
    assert value.numerator < 2**63 and value.denominator < 2**31, (element.tag, name, value)
    return value


def _by_id(root: Element) -> dict[str, Element]:
    return {name: element for element in root.iter() if (name := element.get("id"))}
