"""Training steps of 16-64-32-32-5, batch 256, Adam, in PyTorch. Usage: torch_train.py eager|compile THREADS"""
import sys

import torch

from peer import jets, rate, serve

mode, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(0)
x, y = (torch.from_numpy(a) for a in jets(256 * 64))
batches = [(x[i : i + 256], y[i : i + 256]) for i in range(0, len(x), 256)]
net = torch.nn.Sequential(
    torch.nn.Linear(16, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32), torch.nn.ReLU(),
    torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 5))
loss_of = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
at, last = 0, None


def forward_backward(a, b):
    loss = loss_of(net(a), b)
    loss.backward()
    return loss


def whole_step(a, b):
    optimizer.zero_grad(set_to_none=True)
    loss = forward_backward(a, b)
    optimizer.step()
    return loss


run = torch.compile(whole_step, mode="max-autotune-no-cudagraphs") if mode == "compile" else whole_step


def step():
    global at, last
    a, b = batches[at % 64]
    last = run(a, b)
    at += 1


for _ in range(50):
    step()
serve(lambda: (rate(step), float(last)), {"version": torch.__version__})
