"""Options put on a command, and what was said with them as wishes.

    @takes("transcribe", model="recognizer_model")
    def transcribe(media: Media, asked: Asked) -> None: ...

gives the command every option of a `TranscribeWish`, and the function one value. A job file is read here too:
options stand above it, as both stand above what the run has.
"""

from __future__ import annotations

import inspect
import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

from dubline.cli.job_file import STAGES, JobFile, above, placed, read_job
from dubline.cli.options import DEVICE, FIELDS, JOB, MIX, OUT, SETTINGS, THREADS, TRACK, VERBOSE, Option
from dubline.errors import InvalidJob
from dubline.values.timeline import FileMedia
from dubline.values.wishes import DubWish, SeparateWish, TranscribeWish, TranslateWish, wish_from


class Asked(NamedTuple):
    """What a command was asked for. `stages`: those that an option of their own or a table of the job asks
    for; `said`: of these, the ones with an option; `off`: those that the job leaves out. `media`: the job's.
    `device` and `threads` change no result."""

    separate: SeparateWish = SeparateWish()
    transcribe: TranscribeWish = TranscribeWish()
    translate: TranslateWish = TranslateWish()
    dub: DubWish = DubWish()
    stages: frozenset[str] = frozenset()
    said: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    media: FileMedia | None = None
    out: Path | None = None
    track: str = ""
    device: str = "auto"
    threads: int | None = None

    @property
    def hints(self) -> dict[str, Any]:
        """How the work is to be done."""
        return {"device": self.device, "threads": self.threads}


@dataclass(frozen=True)
class _Sheet:
    """The fields of each stage that a command has options for, and those options."""

    stages: Mapping[str, tuple[str, ...]]
    media: bool
    model: str
    rare: frozenset[str]
    options: dict[str, Option] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (name for fields in self.stages.values() for name in fields if name != "mix"):
            self.options[name] = FIELDS[name]
        kinds = {name.removesuffix("_options") for name in self.options if name.endswith("_options")}
        if any("mix" in fields for fields in self.stages.values()):
            self.options.update({name: option for name, (_, option) in MIX.items()})
        self.options.update({name: option for name, (kind, _, option) in SETTINGS.items() if kind in kinds})
        if self.media:
            self.options.update(out=OUT, track=TRACK)
        self.options.update(job=JOB, device=DEVICE, threads=THREADS, verbose=VERBOSE)

    def parameters(self) -> list[inspect.Parameter]:
        """The parameters of the command."""
        return [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=option.on(
                    name, *(("--model",) if name == self.model else ()), rare=name in self.rare
                ),
            )
            for name, option in self.options.items()
        ]

    def asked(self, said: dict[str, Any]) -> Asked:
        """What was said with the options, as wishes."""
        said = {name: value for name, value in said.items() if value is not None and value != []}
        job = read_job(said["job"]) if "job" in said else JobFile()
        wishes: dict[str, Any] = {}
        stages: set[str] = set()
        shared = Counter(name for fields in self.stages.values() for name in fields)
        for stage, fields in self.stages.items():
            given = _given(said, fields)
            stages |= {stage} if any(shared[name] == 1 for name in given) else set()
            wish = wish_from(STAGES[stage], placed(STAGES[stage], given, Path.cwd()))
            wishes[stage] = above(wish, job.wishes.get(stage))
        return Asked(
            **wishes,
            stages=frozenset(stages | set(job.wishes)),
            said=frozenset(stages),
            off=job.off,
            media=job.media,
            out=said.get("out"),
            track=said.get("track", ""),
            device=said.get("device", job.device),
            threads=said.get("threads"),
        )


def takes(
    *stages: str,
    media: bool = True,
    model: str = "",
    some: Mapping[str, tuple[str, ...]] | None = None,
    without: Iterable[str] = (),
    rare: Iterable[str] = (),
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of stages: all fields of their wishes, of some stages only `some`.

    `media`: it has --out and --track. `model`: the field that --model is a second name of. `without`: fields
    that it has no options for, "stage.field" where one stage is meant. `rare`: options that its `--help`
    leaves to `--help-all`.
    """
    left = set(without)
    fields = {
        stage: tuple(
            name
            for name in STAGES[stage].__struct_fields__
            if name in FIELDS or name == "mix"
            if name not in left and f"{stage}.{name}" not in left
        )
        for stage in stages
    }
    sheet = _Sheet({**fields, **(some or {})}, media, model, frozenset(rare))

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
            if name != "asked"
        ]
        further = sheet.parameters()

        @wraps(function)
        def command(**values: Any) -> None:
            from dubline.backends.choosing import check_device
            from dubline.cli.screen import quiet

            said = {parameter.name: values.pop(parameter.name) for parameter in further}
            with quiet(verbose=bool(said.pop("verbose"))):
                asked = sheet.asked(said)
                check_device(asked.device)
                function(**values, asked=asked)

        command.__signature__ = inspect.Signature([*own, *further])  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *further)}
        return command

    return decorate


def _given(said: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """What was said of these fields of a wish."""
    given: dict[str, Any] = {}
    for name in fields:
        if name.endswith("_options"):
            value: Any = _options(said, name.removesuffix("_options"))
        elif name == "mix":
            value = {level: said[option] for option, (level, _) in MIX.items() if option in said}
        else:
            value = said.get(name)
        if value not in (None, {}):
            given[name] = str(value) if isinstance(value, Path) else value
    # A program or a service of one's own is spoken through by one back end only.
    if "voice" in fields and "voice" not in given and {"voice_command", "voice_address"} & said.keys():
        given["voice"] = "command"
    return given


def _options(said: dict[str, Any], kind: str) -> dict[str, Any]:
    """A back end's options from NAME=VALUE words and from options with a name of their own.

    Raises:
        InvalidJob: a word is no NAME=VALUE, or a program's quotes do not close.
    """
    options: dict[str, Any] = {}
    for word in said.get(f"{kind}_options", ()):
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise InvalidJob(f"{word!r} is not an option of a {kind}", hint="Give it as NAME=VALUE.")
        try:
            options[name.strip()] = json.loads(value) if value[:1] in ("[", "{") else value
        except ValueError:
            options[name.strip()] = value
    for name, (whose, option, _) in SETTINGS.items():
        if whose == kind and name in said:
            options[option] = said[name]
    if isinstance(options.get("command"), str):
        try:
            options["command"] = shlex.split(options["command"])
        except ValueError as error:
            raise InvalidJob(f"the voice's command: {error}", hint="Close its quotation marks.") from None
    return options
