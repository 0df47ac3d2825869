"""Any voice that the user has: a program, or a service on the network.

    command = ["say", "-v", "{voice}", "-r", "{words}", "-o", "{wav}", "-f", "{text_file}"]
    address = "http://localhost:5002/api/tts?voice={voice}&speed={rate}"     the text is posted

Placeholders in braces are filled in: {text_file} a UTF-8 file with the line, {wav} where the sound is
expected (without it, standard output is the sound; without {text_file}, standard input is the text), {voice}
the name, {rate} the speed, 1.1 a tenth faster, {length} its inverse, {words} 175 words a minute times the
speed.

One that clones is given a cut of the speaker's own voice, and the words in it:

    command = ["clone", "--ref", "{reference}", "--said", "{reference_text}", "{text_file}", "{wav}"]
    address = "http://localhost:9880/tts?ref_audio_path={reference}&prompt_text={reference_text}"
    address = "https://voices.example/clone"  with form = true

{reference} is the path of a mono WAV, {reference_text_file} that of a UTF-8 file with its words. A service on
another machine cannot read a path: with `form` it is posted a multipart/form-data of the fields text, voice,
speed and reference_text and the file reference (audio/wav).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

from dubline.backends.backend import Backend
from dubline.backends.contract import Reference, Spoken, Tick, VoiceInfo
from dubline.backends.programs import LOOK, run_program, speakable
from dubline.backends.voices.take import read_spoken
from dubline.errors import BackendFailed, BackendMissing, InvalidJob
from dubline.values.base import ModelIdentity
from dubline.values.voice_keys import VOICE_KEY, key_of
from dubline.weights.network import open_address, said_by

KEY = VOICE_KEY
LARGEST = 128 * 1024 * 1024  # bytes of an answer
_WORDS = 175
_PLACE = re.compile(r"\{(\w+)\}")
_PACES = {"rate", "length", "words"}
_CLONES = {"reference", "reference_text", "reference_text_file"}
_PLACES = {"text_file", "wav", "voice", "key"} | _PACES | _CLONES


class Command(Backend):
    """`command`: a program, or an HTTP address that answers a posted text with a sound file.

    A service's key is read from the environment variable DUBLINE_VOICE_KEY, sent as a bearer token to that
    address alone, and kept nowhere. Where {key} stands in the address or the command it goes there instead.

    Raises:
        InvalidJob: neither or both are given, an unknown placeholder, an address that is none, a time-out
            outside 0.1 to 3600 s.
        BackendMissing: there is no such program.
    """

    pitches: ClassVar[bool] = False
    any_voice: ClassVar[bool] = True
    precedence: ClassVar[int | None] = None

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`command`: program and arguments with placeholders, each an element of its own. `address`: http
        or https, with placeholders. `form`: post it a form with the text and a reference of the speaker's
        voice. `voices`: the names to cast from. `timeout`: seconds for a line. `language` is known as to
        every voice, and the program's own affair."""

        command: tuple[str, ...] = ()
        address: str = ""
        form: bool = False
        voices: tuple[str, ...] = ()
        timeout: float = 120.0
        language: str = ""

    @classmethod
    def trial_options(cls) -> None:
        """Nobody but the user knows which program or service it is."""

    def __init__(self, options: Options) -> None:
        if bool(options.command) == bool(options.address):
            raise InvalidJob(
                "the voice `command` needs either a command or an address",
                hint='For example command=["say", "-o", "{wav}", "-f", "{text_file}"], or address=http://...',
            )
        if not 0.1 <= options.timeout <= 3600:
            raise InvalidJob(f"a time-out of {options.timeout} s", hint="Give 0.1 to 3600 seconds.")
        if options.form and not options.address:
            raise InvalidJob("a form is posted to an address", hint="Give the address, or leave `form` out.")
        places = _places_in(options)
        unknown = places - _PLACES
        if unknown:
            raise InvalidJob(
                f"the voice's command has unknown placeholders: {', '.join(sorted(unknown))}",
                hint=f"Known: {', '.join(sorted(_PLACES))}.",
            )
        self._options = options
        self._key = key_of(options.address, options.command)
        if "key" in places and not self._key:
            raise InvalidJob(
                "the voice wants a key, and none is given",
                hint=f"Put it into the environment variable {KEY}.",
            )
        self._program: list[str] = []
        if options.address:
            self._name = _checked(options.address)
        else:
            found = shutil.which(options.command[0])
            if found is None:
                raise BackendMissing(
                    f"there is no program {options.command[0]!r}", hint="Check its name and its path."
                )
            self._program = [found, *options.command[1:]]
            self._name = Path(found).name
        for voice in options.voices:
            if not self.knows(voice):
                raise InvalidJob(f"{voice!r} cannot be a voice's name", hint=_NAMES)
        self.paces = options.form or bool(places & _PACES)
        self._cloning = self.clones(options)
        self.identities = (ModelIdentity(name=self._name, origin="the user's own"),)
        self.notes: tuple[str, ...] = ()
        if options.address:
            cuts = ", and cuts of the speakers' own voices," if self._cloning else ""
            self.notes = (f"the dub's texts{cuts} are sent to {self._name}",)

    @staticmethod
    def clones(options: Options) -> bool:
        """Whether it speaks with the speakers' own voices: it takes a reference."""
        return options.form or bool(_places_in(options) & _CLONES)

    def voices(self) -> tuple[VoiceInfo, ...]:
        return tuple(VoiceInfo(name=name) for name in self._options.voices or ("default",))

    def knows(self, voice: str) -> bool:
        return bool(voice) and voice.isprintable() and not voice.startswith("-")

    def speak(
        self,
        text: str,
        voice: str,
        *,
        speed: float,
        pitch: float,
        tick: Tick,
        reference: Reference | None = None,
    ) -> Spoken:
        if not self.knows(voice):
            raise BackendFailed(f"{voice!r} cannot be a voice's name", hint=_NAMES)
        if self._cloning and reference is None:
            raise BackendFailed(
                f"{self._name} clones, and there is no reference of this speaker",
                hint="Cast the speaker with another voice.",
            )
        line = speakable(text).encode()
        said = speakable(reference.text) if reference is not None else ""
        with tempfile.TemporaryDirectory(prefix="dubline-") as place:
            words, wav, beside = (Path(place) / name for name in ("line.txt", "take.wav", "reference.txt"))
            known = {
                "text_file": str(words), "wav": str(wav), "voice": voice,
                "rate": f"{speed:.4f}", "length": f"{1 / speed:.4f}", "words": str(round(_WORDS * speed)),
                "reference": reference.path if reference is not None else "",
                # A program may take what begins with these for an option, or for a file's name.
                "reference_text": f" {said}" if said.startswith(("-", "@")) else said,
                "reference_text_file": str(beside), "key": self._key,
            }  # fmt: skip
            if reference is not None:
                beside.write_bytes(said.encode() + b"\n")
            if self._options.address:
                body, kind = line, "text/plain; charset=utf-8"
                if self._options.form:
                    fields = {"text": line.decode(), "voice": voice, "speed": known["rate"]}
                    fields["reference_text"] = said
                    body, kind = _form(fields, Path(known["reference"]))
                wav.write_bytes(self._posted(body, kind, known, tick))
                return read_spoken(wav, self._name)
            words.write_bytes(line + b"\n")
            template = self._options.command
            given = b"" if any("{text_file}" in part for part in template) else line + b"\n"
            command = [_filled(part, known) for part in self._program]
            out = run_program(command, given, tick, timeout=self._options.timeout, name=self._name)
            if not any("{wav}" in part for part in template):
                wav.write_bytes(out)
            return read_spoken(wav, self._name)

    def _posted(self, body: bytes, kind: str, known: dict[str, str], tick: Tick) -> bytes:
        """What the service answers. It is asked in a thread, so that waiting can be stopped.

        Raises:
            BackendFailed: nobody answers, not in time, with an error, or without end.
        """
        quoted = {name: urllib.parse.quote(value, safe="") for name, value in known.items()}
        request = urllib.request.Request(_filled(self._options.address, quoted), data=body, method="POST")
        request.add_header("Content-Type", kind)
        if self._key and "{key}" not in self._options.address:
            request.add_unredirected_header("Authorization", f"Bearer {self._key}")
        found: dict[str, Any] = {}
        deadline = time.monotonic() + self._options.timeout

        def ask() -> None:
            try:
                # The dialogue goes to the address that the user named and nowhere else.
                with open_address(request, self._options.timeout, follow=False) as answer:
                    data = b""
                    while (piece := answer.read(65536)) and len(data) <= LARGEST:
                        data += piece
                        if time.monotonic() > deadline:
                            return
                found["data"] = data
            except Exception as error:  # it is told in the caller's thread
                found["error"] = error

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        while thread.is_alive() and time.monotonic() <= deadline:
            tick()
            thread.join(LOOK)
        hint = f"Check that the service at {self._name} runs; the same command then goes on."
        # Both clocks mean the same: the connection's, and the one for the whole line.
        late = isinstance(getattr(found.get("error"), "reason", found.get("error")), TimeoutError)
        if late or not found:
            raise BackendFailed(f"{self._name} has not answered in {self._options.timeout:g} s", hint=hint)
        if "error" in found:
            raise BackendFailed(f"{self._name}: {_told(found['error'], self._key)}", hint=hint)
        data: bytes = found["data"]
        if not data or len(data) > LARGEST:
            raise BackendFailed(f"{self._name} answered with {len(data)} bytes", hint=hint)
        return data


_NAMES = "A name has letters, and does not begin with a dash."


def _places_in(options: Command.Options) -> set[str]:
    return {place for part in (*options.command, options.address) for place in _PLACE.findall(part)}


def _form(fields: dict[str, str], reference: Path) -> tuple[bytes, str]:
    """A multipart/form-data body (RFC 7578) and its content type. The boundary is in none of its parts.

    Raises:
        BackendFailed: the reference cannot be read.
    """
    try:
        sound = reference.read_bytes()
    except OSError as error:
        raise BackendFailed(
            f"the reference {reference} cannot be read: {error.strerror or error}", hint="Dub the run again."
        ) from None
    content = [text.encode() for text in fields.values()] + [sound]
    boundary = hashlib.sha256(b"".join(content)).hexdigest()
    heads = [f'name="{name}"\r\nContent-Type: text/plain; charset=utf-8' for name in fields]
    heads.append('name="reference"; filename="reference.wav"\r\nContent-Type: audio/wav')
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + part + b"\r\n"
        for head, part in zip(heads, content, strict=True)
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _filled(part: str, known: dict[str, str]) -> str:
    return _PLACE.sub(lambda place: known[place[1]], part)


def _checked(address: str) -> str:
    """Host and port of an address, for messages: the rest may hold what is private.

    Raises:
        InvalidJob: it is no http or https address, or has a password in it.
    """
    try:
        parts = urllib.parse.urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urllib.parse.urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidJob(
            "the voice's address is not one that begins with http:// or https://",
            hint="For example http://localhost:5002/api/tts?voice={voice}.",
        )
    if parts.username or parts.password:
        raise InvalidJob(
            "the voice's address holds a name or a password",
            hint=f"Put a key into the environment variable {KEY} instead.",
        )
    return f"{host}:{port}" if port else host


def _told(error: Exception, key: str) -> str:
    if isinstance(error, urllib.error.HTTPError):
        said = said_by(error, key)
        return f"status {error.code} {error.reason}" + (f": {said}" if said else "")
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return f"{type(error).__name__}: {error}"
