#!/usr/bin/python3
# SPDX-FileCopyrightText: The Penstock authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the test models of this room and what they answer, computed by numpy alone.

Needs the Debian packages python3-onnx and python3-numpy. Run: /usr/bin/python3 make_models.py
Writes ../resources/models/*.onnx and expected.json; the same bytes in every run.
"""
import json
import pathlib

import numpy as np
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper

OUT = pathlib.Path(__file__).resolve().parent.parent / "resources" / "models"
F32, F64, I64, STR = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.STRING
R = np.random.RandomState(7)
expected = {}


def vi(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def const(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def save(name, nodes, inputs, outputs, initializers=(), opset=17, ml=False, domains=(), value_info=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers), value_info=list(value_info))
    imports = [helper.make_opsetid("", opset)]
    if ml:
        imports.append(helper.make_opsetid("ai.onnx.ml", 3))
    imports += [helper.make_opsetid(d, 1) for d in domains]
    model = helper.make_model(graph, opset_imports=imports, producer_name="penstock-test", ir_version=8)
    (OUT / (name + ".onnx")).write_bytes(model.SerializeToString(deterministic=True))


def expect(name, *cases):
    def flat(values, digits):  # the last digits of a sum depend on the machine's BLAS
        return {k: [float(f"{v:.{digits}g}") for v in np.asarray(a, dtype=np.float64).ravel()] for k, a in values.items()}

    expected[name] = [{"inputs": flat(i, 17), "outputs": flat(o, 14)} for i, o in cases]


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs, outputs, **attributes)


def mlp():
    w1, b1 = R.randn(8, 16).astype(np.float32) * 0.5, R.randn(16).astype(np.float32)
    w2, b2 = R.randn(16, 1).astype(np.float32) * 0.5, R.randn(1).astype(np.float32)
    save("mlp",
         [node("Gemm", ["x", "w1", "b1"], ["h"]), node("Relu", ["h"], ["r"]), node("Gemm", ["r", "w2", "b2"], ["y"])],
         [vi("x", F32, ["N", 8])], [vi("y", F32, ["N", 1])],
         [const("w1", w1), const("b1", b1), const("w2", w2), const("b2", b2)])
    cases = []
    for _ in range(5):
        x = R.randn(1, 8)
        h = np.maximum(x @ w1.astype(np.float64) + b1, 0)
        cases.append(({"x": x}, {"y": h @ w2.astype(np.float64) + b2}))
    expect("mlp", *cases)


def linear64():
    w, b = R.randn(3, 2), R.randn(2)
    save("linear64", [node("MatMul", ["x", "w"], ["m"]), node("Add", ["m", "b"], ["y"])],
         [vi("x", F64, [1, 3])], [vi("y", F64, [1, 2])], [const("w", w), const("b", b)])
    cases = []
    for _ in range(3):
        x = R.randn(1, 3) * 1e6
        cases.append(({"x": x}, {"y": x @ w + b}))
    expect("linear64", *cases)


def counts():
    save("counts", [node("Mul", ["x", "k"], ["m"]), node("ReduceSum", ["m", "axes"], ["y"], keepdims=1)],
         [vi("x", I64, [1, 2])], [vi("y", I64, [1, 1])],
         [const("k", np.array([[3, -2]], dtype=np.int64)), const("axes", np.array([1], dtype=np.int64))])
    big = 2 ** 40 + 1
    expect("counts", ({"x": [5, 7]}, {"y": [1]}), ({"x": [big, -1]}, {"y": [3 * big + 2]}))


def two():
    """Two inputs of different type, a matrix, a scalar, and an output nobody asks for."""
    save("two",
         [node("Mul", ["a", "ka"], ["p"]), node("ReduceSum", ["b"], ["q"], keepdims=0), node("Neg", ["a"], ["unused"])],
         [vi("a", F32, [1, 2]), vi("b", F64, [1, 3])],
         [vi("p", F32, [1, 2]), vi("q", F64, []), vi("unused", F32, [1, 2])],
         [const("ka", np.array([[2.0, 4.0]], dtype=np.float32))])
    expect("two", ({"a": [1.5, -2.0], "b": [0.1, 0.2, 0.3]}, {"p": [3.0, -8.0], "q": [0.1 + 0.2 + 0.3]}))


def trees():
    """Two trees of ai.onnx.ml; a row on a threshold takes the true branch of BRANCH_LEQ."""
    def tree1(x):
        return (1.0 if x[1] <= -0.25 else 2.0) if x[0] <= 0.5 else 4.0

    def tree2(x):
        return 0.125 if x[2] <= 10.0 else 0.25

    save("trees",
         [node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM",
               post_transform="NONE", base_values=[100.0],
               nodes_treeids=[0, 0, 0, 0, 0, 1, 1, 1], nodes_nodeids=[0, 1, 2, 3, 4, 0, 1, 2],
               nodes_featureids=[0, 1, 0, 0, 0, 2, 0, 0], nodes_values=[0.5, -0.25, 0, 0, 0, 10.0, 0, 0],
               nodes_modes=["BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"],
               nodes_truenodeids=[1, 3, 0, 0, 0, 1, 0, 0], nodes_falsenodeids=[2, 4, 0, 0, 0, 2, 0, 0],
               target_treeids=[0, 0, 0, 1, 1], target_nodeids=[2, 3, 4, 1, 2], target_ids=[0, 0, 0, 0, 0],
               target_weights=[4.0, 1.0, 2.0, 0.125, 0.25])],
         [vi("x", F32, ["N", 3])], [vi("y", F32, ["N", 1])], ml=True)
    rows = [[0.5, -0.25, 10.0], [0.5, 0.0, 10.5], [0.75, 0.0, 0.0], [-3.0, -1.0, 20.0]]
    expect("trees", *[({"x": r}, {"y": [100.0 + tree1(r) + tree2(r)]}) for r in rows])


def lstm():
    """A window of 16 cycles of 2 features; oldest row first."""
    rows, features, hidden = 16, 2, 4
    w, r = (R.randn(1, 4 * hidden, n).astype(np.float32) * 0.6 for n in (features, hidden))
    b = R.randn(1, 8 * hidden).astype(np.float32) * 0.2
    v = R.randn(hidden, 1).astype(np.float32)
    save("lstm",
         [node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
          node("LSTM", ["t", "w", "r", "b"], ["", "h"], hidden_size=hidden),
          node("Squeeze", ["h", "axis"], ["s"]), node("MatMul", ["s", "v"], ["y"])],
         [vi("x", F32, ["N", rows, features])], [vi("y", F32, ["N", 1])],
         [const("w", w), const("r", r), const("b", b), const("v", v), const("axis", np.array([0], dtype=np.int64))])

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    cases = []
    for _ in range(3):
        x = R.randn(rows, features)
        h, c = np.zeros(hidden), np.zeros(hidden)
        for row in x:  # gates in the order input, output, forget, cell (ONNX operator LSTM)
            z = w[0].astype(np.float64) @ row + r[0].astype(np.float64) @ h + b[0][:4 * hidden] + b[0][4 * hidden:]
            i, o, f, g = (z[k * hidden:(k + 1) * hidden] for k in range(4))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        cases.append(({"x": x}, {"y": h @ v}))
    expect("lstm", *cases)


def logarithm():
    save("logarithm", [node("Log", ["x"], ["y"])], [vi("x", F32, [1, 1])], [vi("y", F32, [1, 1])])


def loop_body(name):
    return helper.make_graph(
        [node("Identity", ["go"], ["again"]), node("Add", ["sum", "one"], ["next"])], name,
        [vi("i", I64, []), vi("go", TensorProto.BOOL, []), vi("sum", F32, [1])],
        [vi("again", TensorProto.BOOL, []), vi("next", F32, [1])], [const("one", np.array([1], dtype=np.float32))])


def loop():
    """As many iterations as the input says."""
    save("loop",
         [node("Cast", ["x"], ["n"], to=I64), node("Squeeze", ["n"], ["trips"]),
          node("Loop", ["trips", "yes", "zero"], ["y"], body=loop_body("body"))],
         [vi("x", F64, [1])], [vi("y", F32, [1])],
         [const("yes", np.array(True)), const("zero", np.array([0], dtype=np.float32))])
    expect("loop", ({"x": [37]}, {"y": [37]}))


def endless():
    save("endless", [node("Loop", ["trips", "yes", "x"], ["y"], body=loop_body("body"))],
         [vi("x", F32, [1])], [vi("y", F32, [1])],
         [const("yes", np.array(True)), const("trips", np.array(2 ** 62, dtype=np.int64))])


def matmul():
    """One kernel as long as the input says: n^3; a kernel is not interrupted by the terminate flag."""
    save("matmul",
         [node("Cast", ["x"], ["n"], to=I64), node("Concat", ["n", "n"], ["shape"], axis=0),
          node("Expand", ["c", "shape"], ["a"]), node("MatMul", ["a", "a"], ["m"]),
          node("ReduceMax", ["m"], ["y"], keepdims=0)],
         [vi("x", F64, [1])], [vi("y", F32, [])], [const("c", np.array([[0.001]], dtype=np.float32))])
    expect("matmul", ({"x": [500]}, {"y": [500 * 1e-6]}))


def greedy():
    """Holds 160 MiB while it runs: a vector of 40 Mi floats, expanded from an input so that nothing is folded."""
    save("greedy",
         [node("Expand", ["x", "shape"], ["wide"]), node("ReduceMax", ["wide"], ["y"], keepdims=0)],
         [vi("x", F32, [1])], [vi("y", F32, [])], [const("shape", np.array([40 * 2 ** 20], dtype=np.int64))])


def huge():
    """2^60 bytes: no machine has the address space."""
    save("huge",
         [node("ConstantOfShape", ["shape"], ["c"]), node("ReduceMax", ["c"], ["m"], keepdims=0),
          node("Add", ["x", "m"], ["y"])],
         [vi("x", F32, [1])], [vi("y", F32, [1])], [const("shape", np.array([2 ** 30, 2 ** 28], dtype=np.int64))])


def wide():
    """Answers with 8 Mi numbers (32 MiB)."""
    save("wide", [node("Expand", ["x", "shape"], ["y"])], [vi("x", F32, [1])], [vi("y", F32, [8 * 2 ** 20])],
         [const("shape", np.array([8 * 2 ** 20], dtype=np.int64))])


def elsewhere():
    t = TensorProto(name="w", data_type=F32, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", "8")):
        t.external_data.add(key=key, value=value)
    return t


def external():
    save("external", [node("Add", ["x", "w"], ["y"])], [vi("x", F32, [2])], [vi("y", F32, [2])], [elsewhere()])


def nested():
    """The same inside the attribute of a node in the branch of an If."""
    def branch(name, value):
        return helper.make_graph([node("Constant", [], [name], value=value)], name, [], [vi(name, F32, [2])])
    save("nested",
         [node("If", ["yes"], ["c"], then_branch=branch("t", elsewhere()),
               else_branch=branch("e", const("zero", np.zeros(2, dtype=np.float32)))),
          node("Add", ["x", "c"], ["y"])],
         [vi("x", F32, [2])], [vi("y", F32, [2])], [const("yes", np.array(True))])


def custom():
    save("custom", [node("Evil", ["x"], ["y"], domain="evil.corp")], [vi("x", F32, [1])], [vi("y", F32, [1])],
         domains=["evil.corp"])


def future():
    save("future", [node("Identity", ["x"], ["y"])], [vi("x", F32, [1])], [vi("y", F32, [1])], opset=99)


def classifier():
    """What scikit-learn exports: a text label and a sequence of maps beside the scores."""
    probabilities = ValueInfoProto(name="probabilities")
    entry = probabilities.type.sequence_type.elem_type.map_type
    entry.key_type = STR
    entry.value_type.tensor_type.elem_type = F32
    save("classifier",
         [node("LinearClassifier", ["x"], ["label", "scores"], domain="ai.onnx.ml", coefficients=[1.0, -1.0, -1.0, 1.0],
               intercepts=[0.0, 0.5], classlabels_strings=["calm", "storm"], multi_class=0, post_transform="NONE"),
          node("ZipMap", ["scores"], ["probabilities"], domain="ai.onnx.ml", classlabels_strings=["calm", "storm"])],
         [vi("x", F32, [1, 2])],
         [vi("label", STR, [1]),
          probabilities, vi("scores", F32, [1, 2])], ml=True)
    expect("classifier", ({"x": [3.0, 1.0]}, {"scores": [2.0, -1.5]}))


def gather():
    """Throws on an index outside 0..3."""
    save("gather", [node("Gather", ["table", "x"], ["y"])], [vi("x", I64, [1])], [vi("y", F32, [1])],
         [const("table", np.array([10, 20, 30, 40], dtype=np.float32))])
    expect("gather", ({"x": [3]}, {"y": [40]}))


def nonzero():
    """The shape of the answer depends on the values."""
    save("nonzero", [node("NonZero", ["x"], ["i"]), node("Cast", ["i"], ["y"], to=F32)],
         [vi("x", F32, [4])], [vi("y", F32, [1, "K"])])


def half():
    save("half", [node("Cast", ["x"], ["y"], to=TensorProto.FLOAT16)], [vi("x", F32, [1])],
         [vi("y", TensorProto.FLOAT16, [1])])


def identity():
    save("identity", [node("Identity", ["x"], ["y"])], [vi("x", F64, [2])], [vi("y", F64, [2])])
    expect("identity", ({"x": [0.1, -1e300]}, {"y": [0.1, -1e300]}))


def crash():
    """Kills the process with SIGFPE while it is opened (ONNX Runtime 1.29.0). Never open it inside a test's JVM."""
    save("crash",
         [node("ConvTranspose", ["x", "w"], ["y"], group=0, kernel_shape=[3])],
         [vi("x", F32, [1, 4, 8])], [vi("y", F32, [1, 4, 10])],
         [const("w", R.randn(4, 4, 3).astype(np.float32))])


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for make in (mlp, linear64, counts, two, trees, lstm, logarithm, loop, endless, matmul, greedy, huge, wide, external, nested,
                 custom, future, classifier, gather, nonzero, half, identity, crash):
        make()
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
