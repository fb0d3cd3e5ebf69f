"""A value inside an ONNX model made one of its outputs: the file stays as it is for all who do not ask."""

from __future__ import annotations

import onnx

from detectors.errors import WeightsError


def with_output(model: bytes, name: str) -> bytes:
    """Return the model with one output more, behind its own.

    Args:
        model: in ONNX's format.
        name: of a value that a node of it makes; one that is an output already changes nothing.

    Raises:
        WeightsError: there is no such value.
    """
    network = onnx.load_from_string(model)
    if name in [output.name for output in network.graph.output]:
        return model
    if not any(name in node.output for node in network.graph.node):
        raise WeightsError(f"has no value '{name}' inside")
    network.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    content: bytes = network.SerializeToString()
    return content


def without_output(model: bytes, name: str) -> bytes:
    """Return the model with one output fewer; the value is still computed where something else needs it."""
    network = onnx.load_from_string(model)
    (output,) = (output for output in network.graph.output if output.name == name)
    network.graph.output.remove(output)
    content: bytes = network.SerializeToString()
    return content
