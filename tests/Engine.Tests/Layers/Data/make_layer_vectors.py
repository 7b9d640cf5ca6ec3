"""Writes what PyTorch's layers for tables and series compute, and their gradients, in double precision.

Run by a Python with torch: python3 make_layer_vectors.py. Parameters are in PyTorch's order and shapes; inputs and outputs of series are
written channels last, as the engine has them. All are rounded to single precision first, so that every device starts from the same numbers.
"""
import json
import pathlib

import torch
from torch import nn

generator = torch.Generator().manual_seed(9)


def normal(*shape):
    return torch.randn(*shape, generator=generator).float().double()


# Name, layer, input as the engine has it, and whether PyTorch has its channels second.
CASES = [
    ("layer norm of a table", lambda: nn.LayerNorm(6), (4, 6), False),
    ("layer norm of series", lambda: nn.LayerNorm(5), (2, 3, 5), False),
    ("layer norm of images", lambda: nn.LayerNorm(3), (2, 2, 4, 3), False),
    ("conv1d", lambda: nn.Conv1d(3, 4, 3), (2, 8, 3), True),
    ("conv1d, strided and padded", lambda: nn.Conv1d(4, 6, 5, stride=2, padding=2, bias=False), (3, 9, 4), True),
    ("conv1d, dilated and grouped", lambda: nn.Conv1d(4, 6, 3, padding=2, dilation=2, groups=2), (2, 7, 4), True),
    ("conv1d, depthwise", lambda: nn.Conv1d(4, 4, 4, stride=3, padding=1, groups=4), (2, 10, 4), True),
    ("max pool", lambda: nn.MaxPool1d(3, stride=2, padding=1), (2, 8, 3), True),
    ("average pool", lambda: nn.AvgPool1d(3, stride=2, padding=1), (2, 8, 3), True),
    ("average pool, padding not counted", lambda: nn.AvgPool1d(2, padding=1, count_include_pad=False), (2, 6, 3), True),
    ("mean of a series", lambda: nn.AdaptiveAvgPool1d(1), (2, 7, 3), True),
    ("adaptive pool", lambda: nn.AdaptiveAvgPool1d(3), (2, 7, 3), True),
    ("batch norm of a table", lambda: nn.BatchNorm1d(4), (5, 4), False),
    ("batch norm of series", lambda: nn.BatchNorm1d(3), (2, 5, 3), True),
    ("batch norm in evaluation", lambda: nn.BatchNorm1d(3).eval(), (2, 5, 3), True),
    ("linear of series", lambda: nn.Linear(3, 5), (2, 4, 3), False),
    ("linear of a row", lambda: nn.Linear(3, 2, bias=False), (3,), False),
    ("gelu", lambda: nn.GELU(), (3, 7), False),
    ("gelu, tanh", lambda: nn.GELU(approximate="tanh"), (3, 7), False),
    ("tanh", lambda: nn.Tanh(), (3, 7), False),
    ("sigmoid", lambda: nn.Sigmoid(), (3, 7), False),
]


def numbers(tensor):
    return {"shape": list(tensor.shape), "values": tensor.detach().flatten().tolist()}


def main():
    result = {}
    for name, make, shape, is_second in CASES:
        layer = make().double()
        with torch.no_grad():
            for key, value in layer.state_dict().items():
                if value.is_floating_point():
                    value.copy_(normal(*value.shape).abs() + 0.5 if key == "running_var" else normal(*value.shape))
        state = {key: numbers(value) for key, value in layer.state_dict().items() if value.is_floating_point()}
        leaf = normal(*shape).requires_grad_()
        output = layer(leaf.transpose(1, 2)).transpose(1, 2) if is_second else layer(leaf)
        gradient = normal(*output.shape)
        output.backward(gradient)
        result[name] = {
            "printed": str(layer),
            "training": layer.training,
            "state": state,
            "input": numbers(leaf),
            "output": numbers(output),
            "outputGradient": numbers(gradient),
            "inputGradient": numbers(leaf.grad),
            "gradients": {key: numbers(value.grad) for key, value in layer.named_parameters()},
            "stateAfter": {key: numbers(value) for key, value in layer.state_dict().items() if value.is_floating_point()},
        }

    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in result.items())
    (pathlib.Path(__file__).parent / "layer_vectors.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
