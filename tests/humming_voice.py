"""A voice in Piper's format, real ONNX, that hums as long as its text, each speaker at an own pitch."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

LETTERS = "_^$ abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,?!'"


def humming(
    folder: Path,
    speakers: Mapping[str, float] | None = None,
    *,
    name: str = "hum",
    hertz: float = 150.0,
    loud: float = 0.3,
    **settings: Any,
) -> Path:
    """The folder, with NAME.onnx and NAME.onnx.json in it, at any length scale.

    `speakers`: name -> Hz, for a model with several; else it hums at `hertz`. `settings` take the place of
    those in the JSON file.
    """
    for needed in ("onnx", "piper"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    from onnx import TensorProto, helper, numpy_helper, save

    def constant(called: str, value: Any) -> Any:
        return numpy_helper.from_array(np.array(value), called)

    pitches = list(speakers.values()) if speakers else [hertz]
    turns = 2 * np.pi * np.array(pitches, np.float32) / 16000
    nodes = [
        helper.make_node("Cast", ["input_lengths"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["scales", "one"], ["length_scale"]),
        helper.make_node("Mul", ["count", "hop"], ["at_pace"]),
        helper.make_node("Mul", ["at_pace", "length_scale"], ["samples"]),
        helper.make_node("Squeeze", ["samples"], ["end"]),
        helper.make_node("Range", ["zero", "end", "step"], ["time"]),
        helper.make_node("Gather", ["turns", "sid" if speakers else "first"], ["turn"]),
        helper.make_node("Mul", ["time", "turn"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["wave"]),
        helper.make_node("Mul", ["wave", "loud"], ["hum"]),
        helper.make_node("Unsqueeze", ["hum", "axes"], ["output"]),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, None]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
    graph = helper.make_graph(
        nodes,
        "hum",
        inputs,
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, None])],
        [
            constant("one", np.array([1], np.int64)),
            constant("hop", np.float32(500)),
            constant("zero", np.float32(0)),
            constant("step", np.float32(1)),
            constant("turns", turns),
            constant("first", np.array([0], np.int64)),
            constant("loud", np.float32(loud)),
            constant("axes", np.array([0, 1], np.int64)),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    folder.mkdir(parents=True, exist_ok=True)
    save(model, folder / f"{name}.onnx")
    told = {
        "audio": {"sample_rate": 16000},
        "espeak": {"voice": "en-us"},
        "language": {"code": "en_US"},
        "phoneme_type": "text",
        "phoneme_id_map": {letter: [number] for number, letter in enumerate(LETTERS)},
        "num_symbols": len(LETTERS),
        "num_speakers": len(pitches),
        "speaker_id_map": {speaker: number for number, speaker in enumerate(speakers or ())},
        "inference": {"length_scale": 1.0, "noise_scale": 0.0, "noise_w": 0.0},
    }
    (folder / f"{name}.onnx.json").write_text(json.dumps({**told, **settings}))
    return folder
