"""Voices and background of one sound file with Demucs, as a single call without a run folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
from numpy.typing import NDArray

from dubline.backends.choosing import opened
from dubline.errors import InvalidJob
from dubline.files import full_disk_is_told, write_whole
from dubline.media.sound import open_sound
from dubline.report import Report, part, silent
from dubline.run import Work
from dubline.separation.assembly import estimated, without, writers_of
from dubline.separation.passes import Contribution, take_apart
from dubline.separation.plan import SeparationJob, Share, Shares, filling
from dubline.separation.stage import look, require_room, settle_depth
from dubline.signal.channels import groups_of, layout_of
from dubline.signal.exact import float_stems, integer_stems, to_steps
from dubline.values.base import Choice, ModelIdentity, key_of
from dubline.values.media import Sound
from dubline.weights.files import resolve

Background = Literal["residual", "sum", "both"]


class TwoStems(msgspec.Struct, frozen=True, kw_only=True):
    """What `run_demucs_separation` wrote: voices, and the background in one form or both."""

    vocals: Path
    background: Path | None
    background_sum: Path | None
    sound: Sound
    model: ModelIdentity
    notes: tuple[str, ...]


def run_demucs_separation(
    audio: str | Path,
    out: str | Path,
    *,
    model: str = "htdemucs",
    background: Background = "residual",
    depth: Literal["auto", "24", "float"] = "auto",
    report: Report = silent,
    tell: Callable[[str], None] = lambda text: None,
    **options: Any,
) -> TwoStems:
    """Separate a sound file into `vocals.wav` and `background.wav` in the folder `out`.

    The sound is read with soundfile, brought to the model's rate by a streaming resampler, run through the
    model in chunks, and written with soundfile at the source's rate, length and channels. Memory does not
    depend on the length. Killed or cancelled, the same call goes on where it was; until it is done, `out`
    holds nothing but a hidden folder.

    Args:
        audio: a file that soundfile reads (WAV, FLAC, AIFF, ...); never changed.
        model: a model in the models folder, or the path of a .th, .yaml, .safetensors or folder.
        background: "residual" is source minus voices, and nulls with them; "sum" is the sum of the model's
            other sources, which does not, and goes to `background_sum.wav`; "both" writes both.
        depth: "24" bit, "float", or "auto": 24 bit unless the source goes over full scale.
        report: progress in seconds of sound; may raise `Cancelled`.
        tell: gets notes as they are made: the weights' licence, the device, the precision.
        options: of the Demucs back end: device, precision, threads, batch, shifts, seed, overlap, normalise.

    Raises:
        DublineError: see `dubline.errors`; every message has a hint.
    """
    if background not in ("residual", "sum", "both"):
        raise InvalidJob(f"there is no background {background!r}", hint="Use residual, sum or both.")
    sound = open_sound(Path(audio))
    source = Path(sound.path).absolute()
    sound = msgspec.structs.replace(sound, layout=layout_of(sound.channels, sound.layout))
    out = Path(out)
    stat = source.stat()
    weights = resolve(model, "demucs").identity().sha256
    asked = [str(source), stat.st_size, stat.st_mtime_ns, weights, background, depth, _lasting(options)]
    scratch = out / f".demucs-{key_of(*asked, digits=10)}.part"
    with full_disk_is_told(out):
        scratch.mkdir(parents=True, exist_ok=True)
        work = Work(out, scratch, "", report, tell=tell)
        job = SeparationJob(
            separator=Choice(backend="demucs", options={"model": model, **options}), depth=depth
        )
        result = _separate(work, source, sound, job, background)
        shutil.rmtree(scratch)
    return result


def _lasting(options: dict[str, Any]) -> dict[str, Any]:
    """The options that change the result: work may go on with other threads or on another device."""
    return {k: v for k, v in options.items() if k not in ("device", "threads", "batch")}


def _separate(work: Work, source: Path, sound: Sound, job: SeparationJob, background: Background) -> TwoStems:
    def progress(done: float, total: float) -> None:
        work.report(sound.duration * done / total, sound.duration)

    groups = [g for g in groups_of(sound.channels, sound.layout) if g.modelled and g.dialogue]
    depth = settle_depth(job, look(source, sound, work.folder, part(progress, 0.0, 0.02)), work)
    require_room(work, sound, tuple(groups), 1)
    with opened("separator", job.separator, work.hints, work.note) as separator:
        shares = _shares(separator.sources, background)
        contributions = [
            take_apart(
                work.folder,
                without(source, sound, [], group),
                sound,
                group,
                separator=separator,
                shares=shares,
                report=part(progress, 0.02 + 0.93 * index / len(groups), 0.93 / len(groups)),
            )
            for index, group in enumerate(groups)
        ]
        for note in separator.notes:
            work.note(note)
        identity = separator.identities[0]
    written = _write(work, source, sound, contributions, background, depth, part(progress, 0.95, 0.05))
    result = TwoStems(
        vocals=written["vocals"],
        background=written.get("background"),
        background_sum=written.get("background_sum"),
        sound=sound,
        model=identity,
        notes=tuple(work.notes),
    )
    record = {
        "source": sound.path,
        "written": sorted(path.name for path in written.values()),
        "model": msgspec.to_builtins(identity),
        "options": job.separator.options,
        "notes": work.notes,
    }
    write_whole(work.root / "separation.json", msgspec.json.format(msgspec.json.encode(record)))
    return result


def _shares(sources: tuple[str, ...], background: Background) -> Shares:
    voices = filling(sources, background="residual")[0]
    others = tuple(source for source in sources if source not in voices.sources)
    return (voices,) if background == "residual" or not others else (voices, Share("music", others))


def _write(
    work: Work,
    source: Path,
    sound: Sound,
    contributions: list[Contribution],
    background: Background,
    depth: str,
    report: Report,
) -> dict[str, Path]:
    """Write the files aside and give them their names together, once all are whole."""
    names = ["vocals"]
    names += ["background"] if background != "sum" else []
    names += ["background_sum"] if background != "residual" else []
    heard = [channel for c in contributions for channel in c.group.channels]
    untouched = [channel for channel in range(sound.channels) if channel not in heard]
    position = 0
    with writers_of(work.folder, names, sound, depth) as writers:
        for block, parts in estimated(source, sound, contributions, ("vocals", "music")):
            report(position, sound.frames)
            total = parts[1].copy()
            total[untouched] = block[untouched]  # LFE and surrounds: no model heard them, all is background
            pair: NDArray[Any]
            if depth == "24":
                pair, _ = integer_stems(to_steps(block), parts, 1)
            else:
                pair = float_stems(block, parts, 1)
            made = {"vocals": pair[0], "background": pair[1], "background_sum": total}
            for name, writer in writers.items():
                writer.write(made[name])
            position += block.shape[1]
    report(sound.frames, sound.frames)
    for name in names:
        (work.folder / f"{name}.wav").replace(work.root / f"{name}.wav")
    return {name: work.root / f"{name}.wav" for name in names}
