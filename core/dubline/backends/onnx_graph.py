"""Networks of a few layers as ONNX graphs, made in memory and run by onnxruntime on the processor.

The graph is written as onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3) lays it out in
Protocol Buffers; the numbers beside the fields are that file's. The package `onnx` would do the same: it is
larger than all that is written here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dubline.errors import imported
from dubline.weights.installation import extra_command

OPSET, IR = 14, 8
FLOAT, INT64 = 1, 7


class Graph:
    """Operators in their order, each named by its output."""

    def __init__(self, **inputs: int) -> None:
        """`inputs` are names of arrays of float32, and how many axes each has: of any length."""
        self._inputs = inputs
        self._nodes: list[bytes] = []
        self._weights: list[bytes] = []

    def weights(self, values: NDArray[Any]) -> str:
        """A constant, float32 or int64; its name."""
        name = f"w{len(self._weights)}"
        kind = FLOAT if values.dtype == np.float32 else INT64
        sizes = b"".join(_number(1, size) for size in values.shape)
        self._weights.append(sizes + _number(2, kind) + _text(8, name) + _bytes(9, values.tobytes()))
        return name

    def add(self, operator: str, *inputs: str | NDArray[Any], **attributes: Any) -> str:
        """The name of what an operator of ONNX gives (https://onnx.ai/onnx/operators/).

        Inputs are names or constants, attributes an int, a float, a text or a list of ints.
        """
        names = [x if isinstance(x, str) else self.weights(x) for x in inputs]
        output = f"n{len(self._nodes)}"
        node = b"".join(_text(1, name) for name in names) + _text(2, output) + _text(4, operator)
        self._nodes.append(node + b"".join(_bytes(5, _attribute(k, v)) for k, v in attributes.items()))
        return output

    def linear(self, x: str, state: Mapping[str, NDArray[np.float32]], name: str) -> str:
        """torch's Linear `name` on the last axis."""
        return self.add("Add", self.add("MatMul", x, state[f"{name}.weight"].T.copy()), state[f"{name}.bias"])

    def lstm(self, x: str, state: Mapping[str, NDArray[np.float32]], name: str) -> str:
        """All layers of torch's LSTM `name`: (time, batch, size) -> (time, batch, directions * hidden).

        The gates are input, forget, cell, output with torch, and input, output, forget, cell with ONNX.
        """
        layer = 0
        while f"{name}.weight_ih_l{layer}" in state:
            ends = [f"_l{layer}", f"_l{layer}_reverse"]
            ends = [end for end in ends if f"{name}.weight_ih{end}" in state]

            def gates(part: str, directions: list[str] = ends) -> list[NDArray[np.float32]]:
                split = (np.split(state[f"{name}.{part}{end}"], 4) for end in directions)
                return [np.concatenate([i, o, f, c]) for i, f, c, o in split]

            bias = [np.concatenate(both) for both in zip(gates("bias_ih"), gates("bias_hh"), strict=True)]
            recurrent = np.stack(gates("weight_hh"))
            heard = self.add(
                "LSTM",
                x,
                np.stack(gates("weight_ih")),
                recurrent,
                np.stack(bias),
                hidden_size=recurrent.shape[2],
                direction="bidirectional" if len(ends) == 2 else "forward",
            )  # (time, directions, batch, hidden)
            heard = self.add("Transpose", heard, perm=[0, 2, 1, 3])
            x = self.add("Reshape", heard, np.array([0, 0, -1]))
            layer += 1
        return x

    def model(self, output: str, axes: int) -> bytes:
        """The graph as a file would hold it, with one output of so many axes."""
        graph = b"".join(_bytes(1, node) for node in self._nodes) + _text(2, "graph")
        graph += b"".join(_bytes(5, weights) for weights in self._weights)
        graph += b"".join(_bytes(11, _end(name, number)) for name, number in self._inputs.items())
        graph += _bytes(12, _end(output, axes))
        return _number(1, IR) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, OPSET))


def session(model: bytes | Path) -> Any:
    """An onnxruntime session on one thread of the processor: each call runs where it is made.

    With more, sums would be added up in another order, and the result would depend on the machine. Several
    threads may call one session at the same time.

    Raises:
        BackendMissing: onnxruntime is not installed.
        Exception: onnxruntime's own, which share no base class: the model is none.
    """
    hint = f"Install it with: {extra_command('speech')}"
    onnxruntime = imported("onnxruntime", "listening for voices needs onnxruntime", hint)
    if hasattr(onnxruntime, "disable_telemetry_events"):
        onnxruntime.disable_telemetry_events()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = 4
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, settings, providers=["CPUExecutionProvider"])


# --- Protocol Buffers ------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _end(name: str, axes: int) -> bytes:
    """An input or an output: its name, and its type, which is a tensor of float32."""
    shape = _bytes(1, b"") * axes
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, FLOAT) + _bytes(2, shape)))


def _attribute(name: str, value: int | float | str | list[int]) -> bytes:
    """Its name, its value, and in field 20 which of its fields holds the value."""
    if isinstance(value, float):
        held = _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    elif isinstance(value, int):
        held = _number(3, value) + _number(20, 2)
    elif isinstance(value, str):
        held = _text(4, value) + _number(20, 3)
    else:
        held = b"".join(_number(8, item) for item in value) + _number(20, 7)
    return _text(1, name) + held
