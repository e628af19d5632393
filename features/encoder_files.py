"""The weights of an exported encoder in a file of their own, which processes map instead of copying it."""

from __future__ import annotations

from pathlib import Path

WEIGHTS = "encoder.weights"
# Smaller tensors stay in the graph: shapes and scales, which the runtime works out before the first run.
LARGE_BYTES = 1 << 16


def weights_apart(graph: Path) -> None:
    """Move the large tensors of the ONNX file `graph` into `WEIGHTS` beside it; the vectors stay what they were.

    The runtime maps that file: of a table of words only the pages count whose words were asked for, once for all
    processes (65 MB of the multilingual encoder).
    """
    import onnx

    model = onnx.load(graph)
    constants = [node for node in model.graph.node if node.op_type == "Constant" and _size(node) >= LARGE_BYTES]
    for node in constants:
        tensor = onnx.TensorProto()
        tensor.CopyFrom(node.attribute[0].t)
        tensor.name = node.output[0]
        model.graph.initializer.append(tensor)
        model.graph.node.remove(node)
    (graph.parent / WEIGHTS).unlink(missing_ok=True)  # what is there would be written behind
    (graph.parent / WEIGHTS).touch()  # as all files of the folder; made by the library, it would be its owner's alone
    onnx.save_model(model, graph, save_as_external_data=True, location=WEIGHTS, size_threshold=LARGE_BYTES)


def _size(node: object) -> int:
    """Bytes of the tensor that a Constant node holds; 0 where it holds another thing."""
    attributes = node.attribute  # type: ignore[attr-defined]
    return len(attributes[0].t.raw_data) if attributes[0].name == "value" else 0
