"""Writes what PyTorch computes for the operations of the tensor algebra, and their gradients, in double precision.

Run by a Python with torch: python3 make_algebra_vectors.py. Inputs are rounded to single precision, so that every device starts from the
same numbers. The gradient by the output is 0.5, -1, 1.5, 2, -2.5, 3, 0.5, ... in row-major order.
"""
import json
import math
import pathlib

import torch
from torch.nn import functional as F

INF, NAN = math.inf, math.nan
generator = torch.Generator().manual_seed(5)


def normal(*shape, mean=0.0, deviation=1.0):
    return (mean + deviation * torch.randn(*shape, generator=generator)).float().double()


def positive(*shape):
    return (0.5 + 2 * torch.rand(*shape, generator=generator)).float().double()


def exact(*values):
    return torch.tensor(values, dtype=torch.float32).double()


EDGES = exact(0.0, 1.0, -1.0, 2.0, -2.5, 0.5, INF, NAN)
MASK = torch.tril(torch.ones(4, 4))
INDICES = torch.tensor([2, 0, 2, 1, 2])

CASES = {
    "exp": (lambda x: x.exp(), [normal(2, 5, deviation=3)]),
    "log": (lambda x: x.log(), [torch.cat([positive(9), exact(0.0, -1.0, INF)])]),
    "sqrt": (lambda x: x.sqrt(), [torch.cat([positive(9), exact(0.0, -1.0, INF)])]),
    "tanh": (lambda x: x.tanh(), [torch.cat([normal(17), exact(0.0, 1e-4, 20.0, -30.0)])]),
    "abs": (lambda x: x.abs(), [torch.cat([normal(9), exact(0.0, -INF)])]),
    "negate": (lambda x: -x, [normal(3, 4)]),
    "add number": (lambda x: 1.5 + x, [normal(3, 4)]),
    "subtract number": (lambda x: x - 1.5, [normal(3, 4)]),
    "subtract from number": (lambda x: 1.5 - x, [normal(3, 4)]),
    "multiply by number": (lambda x: 1.5 * x, [normal(3, 4)]),
    "divide by number": (lambda x: x / 3, [normal(3, 4)]),
    "divide number": (lambda x: 3 / x, [torch.cat([positive(9), exact(0.0, -4.0, INF)])]),
    "power 2": (lambda x: x ** 2, [EDGES]),
    "power 0.5": (lambda x: x ** 0.5, [EDGES]),
    "power -1.5": (lambda x: x ** -1.5, [EDGES]),
    "power 0": (lambda x: x ** 0, [EDGES]),
    "power of 2": (lambda x: 2 ** x, [EDGES]),
    "power of 0": (lambda x: torch.pow(torch.zeros((), dtype=torch.float64), x), [exact(0.0, 1.0, 2.5)]),
    "maximum number": (lambda x: x.clamp_min(0.5), [EDGES]),
    "add": (lambda a, b: a + b, [normal(2, 3, 1, 4), normal(5, 1)]),
    "subtract": (lambda a, b: a - b, [normal(3, 1), normal(2, 1, 4)]),
    "multiply": (lambda a, b: a * b, [normal(3, 4), normal(4)]),
    "divide": (lambda a, b: a / b, [normal(1, 4), positive(3, 4)]),
    "divide by zero": (lambda a, b: a / b, [exact(1.0, -1.0, 0.0), exact(0.0, 0.0, 0.0)]),
    "power": (lambda a, b: a ** b, [positive(3, 1), normal(3, 4)]),
    "power at edges": (lambda a, b: a ** b, [exact(0.0, 0.0, 0.0, -2.0, 3.0), exact(0.0, 2.0, 1.0, 2.0, 0.0)]),
    "maximum": (lambda a, b: torch.maximum(a, b), [exact(1.0, 2.0, 3.0, -1.0), exact(1.0, 3.0, 2.0, -1.0).reshape(1, 4)]),
    "where": (lambda a, b: torch.where(torch.tensor([[True], [False], [True]]), a, b), [normal(3, 4), normal(4)]),
    "sum": (lambda x: x.sum((0, 2)), [normal(3, 4, 5)]),
    "sum, kept": (lambda x: x.sum(-2, keepdim=True), [normal(3, 4, 5)]),
    "mean": (lambda x: x.mean((1, 3)), [normal(2, 3, 4, 5)]),
    "max": (lambda x: x.amax(-1), [exact(1.0, 3.0, 3.0, -1.0, 0.0, -2.0, 5.0, 5.0, 5.0).reshape(3, 3)]),
    "max of all": (lambda x: x.amax(), [normal(3, 4)]),
    "variance": (lambda x: x.var((0, 2)), [normal(3, 4, 5, mean=2)]),
    "variance, biased": (lambda x: x.var(-1, unbiased=False, keepdim=True), [normal(3, 5, mean=2)]),
    "transpose": (lambda x: x.T, [normal(3, 5)]),
    "transpose, four axes": (lambda x: x.permute(2, 0, 3, 1), [normal(2, 3, 4, 5)]),
    "slice": (lambda x: x[:, 1:6:2], [normal(3, 7, 2)]),
    "concatenate": (lambda a, b: torch.cat([a, b, a], 1), [normal(2, 3), normal(2, 1)]),
    "gather": (lambda x: x.index_select(0, INDICES), [normal(4, 3)]),
    "gather, last axis": (lambda x: x.index_select(-1, INDICES), [normal(2, 3)]),
    "softmax": (lambda x: x.softmax(-1), [torch.cat([normal(2, 6, deviation=4), exact(1e3, -INF, 1e3, 0.0, -INF, 1.0).reshape(1, 6)])]),
    "log softmax": (lambda x: x.log_softmax(-1), [torch.cat([normal(2, 6, deviation=4), exact(1e3, -1e3, 1e3, 0.0, 5.0, 1.0).reshape(1, 6)])]),
    "layer norm": (lambda x, g, b: F.layer_norm(x, (6,), g, b, 1e-5), [normal(4, 6, mean=1, deviation=2), normal(6), normal(6)]),
    "attention": (
        lambda q, k, v: (q @ k.T / math.sqrt(3)).masked_fill(MASK == 0, -INF).softmax(-1) @ v, [normal(4, 3), normal(4, 3), normal(4, 3)]),
    "square": (lambda x: x * x, [normal(3, 4)]),
    "gelu": (lambda x: F.gelu(x), [torch.cat([normal(21, deviation=2), exact(0.0, 1e-4, 20.0, -6.0, -INF, INF, NAN)])]),
    "gelu, tanh": (lambda x: F.gelu(x, approximate="tanh"), [torch.cat([normal(21, deviation=2), exact(0.0, 1e-4, 20.0, -6.0, -INF, NAN)])]),
}


def numbers(tensor):
    return {
        "shape": list(tensor.shape),
        "values": [v if math.isfinite(v) else str(v) for v in tensor.detach().flatten().tolist()],
    }


def main():
    result = {}
    for name, (function, inputs) in CASES.items():
        leaves = [x.clone().requires_grad_() for x in inputs]
        output = function(*leaves)
        steps = torch.arange(1, output.numel() + 1, dtype=torch.float64)
        gradient = (((steps - 1) % 6 + 1) / 2 * torch.where((steps - 1) % 3 == 1, -1.0, 1.0)).reshape(output.shape)
        output.backward(gradient)
        result[name] = {
            "inputs": [numbers(x) for x in leaves],
            "output": numbers(output),
            "outputGradient": numbers(gradient),
            "gradients": [numbers(x.grad) for x in leaves],
        }

    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in result.items())
    (pathlib.Path(__file__).parent / "algebra_vectors.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
