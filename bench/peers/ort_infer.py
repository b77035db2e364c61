"""Inference of 16-64-32-32-5 with softmax in ONNX Runtime. Usage: ort_infer.py EVENTS THREADS
Value: events per second; for EVENTS = 1 nanoseconds per call with bound input and output."""
import sys
import time

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from peer import jets, rate, serve

events, threads = int(sys.argv[1]), int(sys.argv[2])
widths = [16, 64, 32, 32, 5]
random = np.random.default_rng(0)
nodes, weights, name = [], [], "x"
for i, (n, m) in enumerate(zip(widths, widths[1:])):
    weights.append(numpy_helper.from_array((random.standard_normal((n, m)) * np.sqrt(2 / n)).astype(np.float32), f"w{i}"))
    weights.append(numpy_helper.from_array(np.zeros(m, np.float32), f"b{i}"))
    nodes.append(helper.make_node("Gemm", [name, f"w{i}", f"b{i}"], [f"z{i}"]))
    nodes.append(helper.make_node("Relu" if i < 3 else "Softmax", [f"z{i}"], [f"h{i}" if i < 3 else "y"]))
    name = f"h{i}"
graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 16])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
options = ort.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
x, _ = jets(events)
chunk = min(events, 4096)
out = np.empty((events, 5), np.float32)
bindings = []
for i in range(0, events, chunk):
    binding = session.io_binding()
    part, into = x[i : i + chunk], out[i : i + chunk]
    binding.bind_input("x", "cpu", 0, np.float32, part.shape, part.ctypes.data)
    binding.bind_output("y", "cpu", 0, np.float32, into.shape, into.ctypes.data)
    bindings.append(binding)
run = session._sess.run_with_iobinding  # without the Python wrapper's own work


def go():
    for binding in bindings:
        run(binding._iobinding, None)


for _ in range(3):
    go()
per_second = lambda: rate(go)
serve(lambda: ((1e9 / per_second() if events == 1 else per_second() * events), float(out.sum() / events)),
      {"version": ort.__version__})
