"""A job cancelled at each of its stages through the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import soundfile
from host import Host, stems_job
from shared_media import Shared

from dubline.run import read_manifest


def test_cancelled_at_each_stage(tmp_path: Path, shared: Shared) -> None:
    """What was finished stays, what was not leaves nothing, and the next call goes on from there."""
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("silero_vad")
    source = shared("scene/dialogue.flac")
    samples, rate = soundfile.read(source, start=48000 * 6, stop=48000 * 12, always_2d=True)
    path, root = tmp_path / "talk.wav", tmp_path / "run.dubline"
    soundfile.write(path, samples, rate, subtype="PCM_24")
    clip = {"path": str(path), "record": 0, "frames": 144, "channels": [[0, 0], [0, 1]]}
    job: dict[str, Any] = stems_job(
        path,
        media={"kind": "timeline", "rate": "24", "start": 0, "frames": 144, "clips": [clip]},
        transcribe={"language": "en", "recognizer": "pocketsphinx", "diarizer": "builtin", "speakers": 2},
    )
    done: list[str] = []
    with Host() as host:
        for number, stage in enumerate(("timeline", "separate", "diarize", "recognize"), 1):
            host.send({"op": "localize", "id": number, "folder": str(root), "job": job})
            host.until(number, "progress", stage=stage)
            host.send({"op": "cancel", "id": number})
            answer = host.answer(number)
            assert answer["event"] == "error" and answer["code"] == "cancelled", (stage, answer)
            assert len(host.family()) == 1
            states = {r.name: r.state for r in read_manifest(root).steps}
            # The stage itself may have ended while the cancel was on its way; then it is kept as well.
            assert all(states[name] == "done" for name in done)
            assert not list(root.rglob("transcript.json"))
            done.append(stage)
        host.send({"op": "localize", "id": 9, "folder": str(root), "job": job})
        answer = host.answer(9)
        assert answer["event"] == "result", answer
        assert answer["summary"]["segments"] > 0 and (root / "transcript.json").is_file()
        kept = {m["text"] for m in host.seen if m.get("id") == 9 and m["event"] == "note"}
        assert {f"{name}: kept from before" for name in done[:3]} <= kept
    assert not [p for p in root.rglob("*") if p.name.endswith(".part")]
