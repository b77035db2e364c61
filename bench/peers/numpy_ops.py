"""Single operations in NumPy. Usage: numpy_ops.py matmul|chain|softmax|norm|sum THREADS
Value: calls per second."""
import os
import sys

what, threads = sys.argv[1], sys.argv[2]
os.environ["OPENBLAS_NUM_THREADS"] = threads

import numpy as np

from peer import rate, serve

random = np.random.default_rng(0)
if what == "matmul":
    a, b = (random.standard_normal((2048, 2048)).astype(np.float32) for _ in range(2))
    out = np.empty_like(a)
    work = lambda: np.matmul(a, b, out=out)
else:
    a = random.standard_normal((16384, 1024)).astype(np.float32)
    out = np.empty_like(a)

    def chain():
        global out
        h = np.minimum(np.abs(np.maximum(a * 1.5 + 0.25, -0.5) * a - 0.125), 2)
        out = h * h

    def softmax():
        global out
        e = np.exp(a - a.max(1, keepdims=True))
        out = e / e.sum(1, keepdims=True)

    def norm():
        global out
        out = (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5)

    def total():
        global out
        out = a.sum()

    work = {"chain": chain, "softmax": softmax, "norm": norm, "sum": total}[what]
work()
serve(lambda: (rate(work), float(np.sum(out))), {"version": np.__version__})
