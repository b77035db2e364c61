"""Training steps of 16-64-32-32-5, batch 256, Adam, in JAX: jit of one step, or a scan over 100 steps.
Usage: jax_train.py jit|scan THREADS"""
import os
import sys

mode, threads = sys.argv[1], int(sys.argv[2])
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=" + ("true" if threads > 1 else "false")
os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:threads]))

import jax
import jax.numpy as jnp
import numpy as np

from peer import jets, rate, serve

x, y = jets(256 * 64)
xs, ys = jnp.asarray(x.reshape(64, 256, 16)), jnp.asarray(y.reshape(64, 256))
widths = [16, 64, 32, 32, 5]
random = np.random.default_rng(0)
params = [(jnp.asarray(random.standard_normal((i, o)).astype(np.float32) * np.sqrt(2 / i)), jnp.zeros(o, jnp.float32))
          for i, o in zip(widths, widths[1:])]


def loss_of(params, a, b):
    for w, c in params[:-1]:
        a = jax.nn.relu(a @ w + c)
    logits = a @ params[-1][0] + params[-1][1]
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), b[:, None], 1))


def step(state, batch):
    params, m, v, t = state
    loss, grads = jax.value_and_grad(loss_of)(params, *batch)
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    params = jax.tree.map(
        lambda p, m, v: p - 1e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), params, m, v)
    return (params, m, v, t), loss


zeros = jax.tree.map(jnp.zeros_like, params)
state = (params, zeros, jax.tree.map(jnp.zeros_like, params), jnp.float32(0))
one = jax.jit(step, donate_argnums=0)
many = jax.jit(lambda state: jax.lax.scan(step, state, (xs, ys)), donate_argnums=0)
pairs = [(xs[i], ys[i]) for i in range(64)]
at, last = 0, None


def go():
    global state, at, last
    if mode == "scan":
        state, last = many(state)
        last = last[-1]
        last.block_until_ready()
        return
    state, last = one(state, pairs[at % 64])
    last.block_until_ready()
    at += 1


for _ in range(5):
    go()
serve(lambda: (rate(go) * (64 if mode == "scan" else 1), float(last)), {"version": jax.__version__})
