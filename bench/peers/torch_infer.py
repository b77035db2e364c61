"""Inference of 16-64-32-32-5 with softmax in PyTorch. Usage: torch_infer.py EVENTS THREADS"""
import sys

import torch

from peer import jets, rate, serve

events, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(0)
x = torch.from_numpy(jets(events)[0])
net = torch.nn.Sequential(
    torch.nn.Linear(16, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32), torch.nn.ReLU(),
    torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 5), torch.nn.Softmax(1)).eval()
parts, last = x.split(4096), None


def go():
    global last
    with torch.inference_mode():
        for part in parts:
            last = net(part)


for _ in range(3):
    go()
serve(lambda: ((1e9 / rate(go) if events == 1 else rate(go) * events), float(last.sum() / len(last))),
      {"version": torch.__version__})
