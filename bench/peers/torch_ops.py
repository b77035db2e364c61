"""Single operations in PyTorch. Usage: torch_ops.py matmul|chain|softmax|norm|sum eager|compile THREADS
Value: calls per second."""
import sys

import torch

from peer import rate, serve

what, mode, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(0)
a = torch.randn(2048, 2048) if what == "matmul" else torch.randn(16384, 1024)
b = torch.randn(2048, 2048)
operations = {
    "matmul": lambda: a @ b,
    "chain": lambda: torch.square(torch.clamp(torch.abs(torch.clamp(a * 1.5 + 0.25, min=-0.5) * a - 0.125), max=2)),
    "softmax": lambda: torch.softmax(a, 1),
    "norm": lambda: torch.nn.functional.layer_norm(a, (1024,)),
    "sum": lambda: a.sum(),
}
work, last = operations[what], None
if mode == "compile":
    work = torch.compile(work)


def go():
    global last
    with torch.inference_mode():
        last = work()


go()
serve(lambda: (rate(go), float(last.sum())), {"version": torch.__version__})
