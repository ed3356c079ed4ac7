"""Writes a sentence-transformers folder's BERT as ONNX, from its own weights: token vectors of a batch, with the graph that PyTorch's exporter
gives BERT (opset 17), which ONNX Runtime knows how to fuse. No pooling, as the encoder alone is compared.
"""

import json
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

NUMBERS = {"F32": numpy.float32, "F16": numpy.float16}


def tensors(path):
    """Every tensor of a safetensors file, as numbers of 32 bits."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, info in header.items():
        if info["dtype"] not in NUMBERS:
            continue
        start, end = (8 + length + offset for offset in info["data_offsets"])
        numbers = numpy.frombuffer(data[start:end], NUMBERS[info["dtype"]])
        found[name] = numbers.reshape(info["shape"]).astype(numpy.float32)
    return found


class Graph:
    """Nodes and constants, named as they come."""

    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def add(self, kind, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"{kind}_{self.count}_{at}" for at in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, f"{kind}_{self.count}", **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value, kind=numpy.float32):
        self.count += 1
        name = f"constant_{self.count}"
        self.constants.append(numpy_helper.from_array(numpy.asarray(value, kind), name))
        return name

    def linear(self, x, weight, bias):
        return self.add("Add", self.constant(bias), self.add("MatMul", x, self.constant(weight.T.copy())))

    def norm(self, x, weight, bias, epsilon):
        return self.add("LayerNormalization", x, self.constant(weight), self.constant(bias), axis=-1, epsilon=epsilon)


def export(folder, target):
    """Writes `target`; gives heads and hidden size, which ONNX Runtime's own optimiser asks for."""
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    weights = tensors(folder / "model.safetensors")
    hidden, heads, epsilon = config["hidden_size"], config["num_attention_heads"], config["layer_norm_eps"]
    graph = Graph()
    part = lambda name: weights[f"embeddings.{name}"]
    shape = graph.add("Shape", "input_ids")
    at = lambda index: graph.add("Gather", shape, graph.constant(index, numpy.int64), axis=0)
    length = at(1)
    first = graph.constant([0], numpy.int64)
    one = lambda name: graph.add("Unsqueeze", name, first)
    positions = graph.add("Slice", graph.constant(part("position_embeddings.weight")), first, one(length), first)
    x = graph.add("Add", graph.add("Gather", graph.constant(part("word_embeddings.weight")), "input_ids"),
                  graph.constant(part("token_type_embeddings.weight")[0]))
    x = graph.add("Add", x, positions)
    x = graph.norm(x, part("LayerNorm.weight"), part("LayerNorm.bias"), epsilon)
    mask = graph.add("Unsqueeze", "attention_mask", graph.constant([1], numpy.int64))
    mask = graph.add("Unsqueeze", mask, graph.constant([2], numpy.int64))
    mask = graph.add("Cast", mask, to=TensorProto.FLOAT)
    mask = graph.add("Mul", graph.add("Sub", graph.constant(1.0), mask), graph.constant(-10000.0))
    split = lambda name: graph.add("Reshape", name, graph.constant([0, 0, heads, hidden // heads], numpy.int64))
    for layer in range(config["num_hidden_layers"]):
        part = lambda name: weights[f"encoder.layer.{layer}.{name}"]
        line = lambda x, name: graph.linear(x, part(f"{name}.weight"), part(f"{name}.bias"))
        query, key, value = (split(line(x, f"attention.self.{name}")) for name in ("query", "key", "value"))
        query = graph.add("Transpose", query, perm=[0, 2, 1, 3])
        value = graph.add("Transpose", value, perm=[0, 2, 1, 3])
        key = graph.add("Transpose", key, perm=[0, 2, 3, 1])
        scores = graph.add("Div", graph.add("MatMul", query, key), graph.constant((hidden // heads) ** 0.5))
        shares = graph.add("Softmax", graph.add("Add", scores, mask), axis=-1)
        context = graph.add("Transpose", graph.add("MatMul", shares, value), perm=[0, 2, 1, 3])
        context = graph.add("Reshape", context, graph.constant([0, 0, hidden], numpy.int64))
        norm = lambda x, name: graph.norm(x, part(f"{name}.LayerNorm.weight"), part(f"{name}.LayerNorm.bias"), epsilon)
        x = norm(graph.add("Add", line(context, "attention.output.dense"), x), "attention.output")
        wide = line(x, "intermediate.dense")
        share = graph.add("Add", graph.add("Erf", graph.add("Div", wide, graph.constant(2**0.5))), graph.constant(1.0))
        wide = graph.add("Mul", graph.add("Mul", wide, share), graph.constant(0.5))
        x = norm(graph.add("Add", line(wide, "output.dense"), x), "output")
    graph.nodes.append(helper.make_node("Identity", [x], ["token_embeddings"]))
    given = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in ("input_ids", "attention_mask")]
    taken = [helper.make_tensor_value_info("token_embeddings", TensorProto.FLOAT, ["batch", "length", hidden])]
    model = helper.make_model(helper.make_graph(graph.nodes, "bert", given, taken, graph.constants),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, target)
    return heads, hidden
