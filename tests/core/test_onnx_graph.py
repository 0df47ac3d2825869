"""Graphs that are written by hand: what onnx itself thinks of them, and what onnxruntime makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dubline.backends.onnx_graph import Graph, session

pytest.importorskip("onnxruntime")


def test_onnx_reads_and_approves_what_is_written() -> None:
    onnx = pytest.importorskip("onnx")
    graph = Graph(x=3)
    weights = np.arange(600, dtype=np.float32).reshape(3, 1, 200)
    x = graph.add("Conv", "x", weights, strides=[300])
    x = graph.add("LeakyRelu", x, alpha=0.25)
    x = graph.add("Reshape", x, np.array([0, -1]))
    model = onnx.load_from_string(graph.model(x, 2))
    onnx.checker.check_model(model)
    assert [i.name for i in model.graph.input] == ["x"] and [o.name for o in model.graph.output] == [x]
    assert (onnx.numpy_helper.to_array(model.graph.initializer[0]) == weights).all()
    assert list(onnx.numpy_helper.to_array(model.graph.initializer[1])) == [0, -1]
    conv, leaky, _ = model.graph.node
    assert {a.name: onnx.helper.get_attribute_value(a) for a in conv.attribute} == {"strides": [300]}
    assert {a.name: onnx.helper.get_attribute_value(a) for a in leaky.attribute} == {"alpha": 0.25}
    sound = np.random.default_rng(0).normal(size=(1, 1, 500)).astype(np.float32)
    expected = np.stack([weights[:, 0] @ sound[0, 0, at : at + 200] for at in (0, 300)], axis=1)
    (found,) = session(graph.model(x, 2)).run(None, {"x": sound})
    assert found.ravel() == pytest.approx(np.where(expected < 0, expected / 4, expected).ravel(), rel=1e-4)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("both", [False, True], ids=["forward", "both ways"])
def test_lstms_are_torchs(layers: int, both: bool) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(layers)
    lstm, linear = torch.nn.LSTM(5, 7, layers, bidirectional=both), torch.nn.Linear(14 if both else 7, 4)
    state = {f"a.{k}": v.detach().numpy() for k, v in lstm.state_dict().items()}
    state |= {f"b.{k}": v.detach().numpy() for k, v in linear.state_dict().items()}
    graph = Graph(x=3)
    model = graph.model(graph.linear(graph.lstm("x", state, "a"), state, "b"), 3)
    for length, batch in ((1, 1), (40, 3)):  # the sizes need not be known beforehand
        x = torch.randn(length, batch, 5)
        (found,) = session(model).run(None, {"x": x.numpy()})
        with torch.inference_mode():
            expected = linear(lstm(x)[0]).numpy()
        assert found.shape == expected.shape and np.abs(found - expected).max() < 1e-5


def test_a_file_that_is_no_graph_is_an_error_of_onnxruntimes(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"<html>")
    for model in (tmp_path / "x.onnx", b"<html>"):
        with pytest.raises(Exception, match=r"(?i)protobuf|model"):
            session(model)
