"""The separation stage: a sound in, four stems out."""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from dubline.backends.choosing import opened
from dubline.errors import ValidationError
from dubline.files import write_whole
from dubline.media.sound import read_blocks, require_space
from dubline.report import Report, clock_text, part
from dubline.run import Work, step
from dubline.separation.assembly import Written, assemble, without
from dubline.separation.passes import Contribution, take_apart
from dubline.separation.plan import (
    Labels,
    SeparationJob,
    Shares,
    filling,
    film_filling,
    labels,
)
from dubline.signal.channels import Group, groups_of, layout_of
from dubline.signal.exact import HIGHEST, STEP
from dubline.threads import default_threads
from dubline.values.base import Choice, ModelIdentity
from dubline.values.json_files import kept_json
from dubline.values.media import Sound
from dubline.values.stems import STEM_NAMES, Stem, Stems, film_model

Array = NDArray[np.float32]

# Shares of the progress bar; the models have the rest.
LISTENING, WRITING = 0.02, 0.06


class Loudest(msgspec.Struct, frozen=True):
    """What a first look at the source tells: its largest magnitude, and samples over full scale."""

    peak: float
    over: int


@step("separate", version=1, resumable=True)
def separate(work: Work, sound: Sound, job: SeparationJob) -> Stems:
    """Take a sound apart into vocals, music, sfx and ambient.

    The stems have the source's rate, channels and sample count, and sum to it. Stopped or killed, the next
    call with the same inputs goes on at the last checkpoint.

    Raises:
        ValidationError: no samples, samples that are not numbers.
        BackendMissing, WeightsError, InvalidJob: the separator cannot be used as asked.
        StorageFull: the disk has too little room, now or on the way.
        Cancelled: the report asked to stop.
    """
    source = work.open(sound.path)
    layout = layout_of(sound.channels, sound.layout)
    sound = msgspec.structs.replace(sound, layout=layout)
    groups = groups_of(sound.channels, layout)
    scratch = work.folder / "scratch"
    scratch.mkdir(exist_ok=True)

    work.notes.extend(work.hints.get("reasons", ()))  # why this separator: already told, to be kept

    def progress(done: float, total: float) -> None:
        work.report(sound.duration * done / total, sound.duration)

    spent: dict[str, float] = {}
    began = time.monotonic()
    loudest = look(source, sound, scratch, part(progress, 0.0, LISTENING))
    depth = settle_depth(job, loudest, work)
    spent["first look"] = time.monotonic() - began
    passes: list[tuple[Choice, bool]] = [(job.separator, False)]
    if job.film is not None:
        passes.append((job.film, True))
    require_room(work, sound, groups, len(passes))

    contributions: list[Contribution] = []
    sources: list[tuple[str, ...]] = []
    models: list[ModelIdentity] = []
    each = (1.0 - LISTENING - WRITING) / len(passes)
    for number, (choice, film) in enumerate(passes):
        with opened("separator", choice, work.hints, work.note, partial(work.note, warn=True)) as separator:
            shares = (
                film_filling(separator.sources)
                if film
                # With a film model to come, the bed is for it to split.
                else filling(separator.sources, background="residual" if job.film else job.background)
            )
            heard = [g for g in groups if g.modelled and (g.dialogue or film_model(separator.sources))]
            before = list(contributions)
            for index, group in enumerate(heard):
                mine = shares if group.dialogue else _no_voices(shares)
                start = LISTENING + each * (number + index / len(heard))
                contributions.append(
                    take_apart(
                        scratch,
                        without(source, sound, before, group),
                        sound,
                        group,
                        separator=separator,
                        shares=mine,
                        lines=job.lines,
                        report=part(progress, start, each / len(heard)),
                        prefix=f"{number + 1}-",
                        spent=spent,
                    )
                )
            sources.append(separator.sources)
            models.extend(separator.identities)
            for note in separator.notes:
                work.note(note)

    told = labels(sources[0], sources[1] if job.film else None, job)
    _note_channels(work, groups, told)
    began = time.monotonic()
    written = assemble(
        source,
        sound,
        contributions,
        rest=told.rest,
        empty=told.empty,
        split=told.split,
        depth=depth,
        folder=work.folder,
        lines=job.lines,
        labels={name: _short(name, told) for name in STEM_NAMES},
        report=part(progress, 1.0 - WRITING, WRITING),
        threads=int(work.hints.get("threads") or 0) or default_threads(),
    )
    spent["stems"] = time.monotonic() - began
    # Of this process; a run that was stopped before spent more.
    work.facts["seconds"] = {name: round(seconds, 3) for name, seconds in spent.items()}
    shutil.rmtree(scratch)
    return _result(work, sound, job, told, written, tuple(models))


def look(source: Path, sound: Sound, scratch: Path, report: Report) -> Loudest:
    """Walk over the source once before anything is loaded.

    Raises:
        ValidationError: the sound is empty, or a sample is not a number.
    """
    kept = scratch / "source.json"
    if known := kept_json(kept, Loudest):
        return known
    if sound.frames < 1:
        raise ValidationError(f"{source.name} holds no sound", hint="Export it again, or name another file.")
    peak, over, at = 0.0, 0, 0
    for block in read_blocks(source):
        if not np.isfinite(block).all():
            channel, offset = np.argwhere(~np.isfinite(block))[0]
            when = clock_text((at + int(offset)) / sound.rate)
            raise ValidationError(
                f"{source.name}: the sample at {when} in channel {channel + 1} is not a number",
                hint="The program that wrote the file failed there: export it again, or as 24-bit WAV.",
            )
        size = np.abs(block)
        peak = max(peak, float(size.max(initial=0.0)))
        over += int(np.count_nonzero(size > HIGHEST * STEP + STEP / 2))
        at += block.shape[1]
        report(at, sound.frames)
    loudest = Loudest(peak, over)
    write_whole(kept, msgspec.json.encode(loudest))
    return loudest


def settle_depth(job: SeparationJob, loudest: Loudest, work: Work) -> str:
    """24 bit or float; auto keeps 24 bit unless the source goes over full scale."""
    if job.depth == "auto":
        if not loudest.over:
            return "24"
        work.note(
            f"stems in 32-bit float: {loudest.over} samples of the source are over full scale "
            f"(peak {20 * np.log10(loudest.peak):+.1f} dBFS), which 24 bit cannot hold"
        )
        return "float"
    if job.depth == "24" and loudest.over:
        work.note(
            f"{loudest.over} samples of the source are over full scale and were limited to 24 bit", warn=True
        )
    return job.depth


def require_room(work: Work, sound: Sound, groups: tuple[Group, ...], passes: int) -> None:
    """Stop before starting where the disk has too little for the temporary files of all passes and the stems;
    what a stopped run left counts as had.

    Counted at 48 kHz for the models (none of ours works higher), float32, two outputs a pass.

    Raises:
        StorageFull: with both numbers.
    """
    modelled = sum(1 for g in groups if g.modelled)
    temporary = sound.duration * 48000 * 4 * 2 * modelled * (1 + 2 * passes)
    stems = sound.frames * sound.channels * 4 * len(STEM_NAMES)
    needed = int(temporary + stems) + (1 << 20)
    had = sum(file.stat().st_size for file in work.folder.rglob("*") if file.is_file())
    require_space(work.root, max(0, needed - had), "separating this sound")


def _no_voices(shares: Shares) -> Shares:
    # Surrounds hold no dialogue worth taking: what a film model calls speech there stays in the bed.
    return tuple(share for share in shares if share.stem != "vocals")


def _note_channels(work: Work, groups: tuple[Group, ...], told: Labels) -> None:
    if len(groups) == 1:
        return
    voices = ", ".join(g.name for g in groups if g.dialogue)
    beds = ", ".join(g.name for g in groups if not g.dialogue)
    work.note(
        f"voices were taken from: {voices}" + (f"; untouched by the voice model: {beds}" if beds else "")
    )
    if not all(g.modelled for g in groups):
        as_it_is = "music, sfx and ambient by estimate" if told.split else f"{told.rest} as it is"
        work.note(f"the LFE goes to {as_it_is}")


def _short(name: str, told: Labels) -> str:
    text = told.text[name]
    return "empty" if text.startswith("empty") else "estimated" if text.startswith("estimated") else ""


def _result(
    work: Work,
    sound: Sound,
    job: SeparationJob,
    told: Labels,
    written: Written,
    models: tuple[ModelIdentity, ...],
) -> Stems:
    if written.moved:
        work.note(
            f"{written.moved} samples of {told.rest} went over full scale; what was over went to the "
            "other stems, so that the sum stays exact"
        )
    stems = tuple(
        Stem(
            name=name,
            path=work.result(f"{name}.wav"),
            rate=sound.rate,
            channels=sound.channels,
            frames=sound.frames,
            layout=sound.layout,
            label=told.text[name],
            estimated=told.text[name].startswith("estimated"),
            empty=name in told.empty or name in written.silent,
        )
        for name in STEM_NAMES
    )
    work.facts["models"] = msgspec.to_builtins(models)
    work.facts["quality"] = msgspec.to_builtins(written.quality)
    made = Stems(source=sound, stems=stems, separator=job.separator, models=models, quality=written.quality)
    if made.lost:
        work.notes.append(made.lost)
    return msgspec.structs.replace(made, notes=tuple(work.notes))
