"""Writes what torchvision's own networks compute, at their full size: logits, and the gradient of a loss by the first filters.

Run by a Python with torch and torchvision (Debian: python3-torchvision): python3 make_torchvision_vectors.py. It takes some minutes; names of
networks as arguments make theirs alone.
Weights and images are not written: both sides make them by the integer formula of make_vectors.py from a tensor's name and the
position of each number in PyTorch's order, rounded to single precision. PyTorch then computes in double precision. Networks with
dropout have its probability set to 0, as both sides draw different masks. Norms put most
numbers far from zero, on one side or the other, and blocks add little to their shortcuts. With gamma 1 and beta 0 some of the millions of
inputs of ReLUs come so near to zero that a rounding error switches them, and each switch changes the gradient by a thousandth: PyTorch's own
gradients in single and in double precision then differ by more than what is allowed here. Without shortcuts that would leave nothing of
the gradient, so VGG has the usual norms, and fewer and smaller images instead.

Of several sets of images, the first is taken with which they come close to each other.
"""
import json
import math
import pathlib
import sys

import torch
import torchvision
from torch.nn import functional as F

from make_vectors import numbers

SHAPE = (4, 3, 64, 64)
SMALL_SHAPE = (2, 3, 32, 32)
STREAMS = 3
GOOD_ENOUGH = 1e-5
LABELS = [1, 334, 667, 999]
LOGIT_STEP = 25
FILTERS = 2

CASES = {
    "resnet18": lambda: torchvision.models.resnet18(),
    "resnet50": lambda: torchvision.models.resnet50(),
    "resnext50_32x4d": lambda: torchvision.models.resnext50_32x4d(),
    "wide_resnet50_2": lambda: torchvision.models.wide_resnet50_2(),
    "vgg11_bn": lambda: torchvision.models.vgg11_bn(dropout=0.0),
    "vgg19_bn": lambda: torchvision.models.vgg19_bn(dropout=0.0),
    "resnet50 dilation=0,1,1": lambda: torchvision.models.resnet50(replace_stride_with_dilation=[False, True, True]),
}


@torch.no_grad()
def state_of(model):
    """Numbers for all parameters and buffers, in single precision."""
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    is_residual = "layer1.0.bn2.weight" in shapes
    last = "bn3" if "layer1.0.bn3.weight" in shapes else "bn2"
    state = {}
    for name, shape in shapes.items():
        layer, _, kind = name.rpartition(".")
        if kind == "num_batches_tracked":
            state[name] = torch.tensor(0)
            continue
        u = numbers(name, shape.numel()).reshape(shape)
        is_norm = layer + ".running_mean" in shapes
        if not is_residual and is_norm and kind == "weight":
            state[name] = (1 + 0.3 * u).float()
            continue
        if len(shape) > 1:
            u = u * math.sqrt(6 / shape[1:].numel())
        elif kind == "running_var":
            u = 1 + 0.4 * u
        elif is_norm and kind == "weight":
            u = 0.05 + 0.015 * u if layer.endswith(last) else 0.3 + 0.1 * u
        elif is_residual and is_norm and kind == "bias":
            u = 0.5 + 0.1 * u if layer.endswith(last) else u.sign() * 2 + 0.2 * u
        else:
            u = 0.2 * u
        state[name] = u.float()
    return state


def step(model, images):
    """Logits, the loss and its gradient by the first filters."""
    first, parameter = next(iter(model.named_parameters()))
    for other in model.parameters():
        other.requires_grad_(other is parameter)
    parameter.grad = None
    logits = model(images)
    loss = F.cross_entropy(logits, torch.tensor(LABELS[: len(images)]))
    loss.backward()
    return logits.detach().double(), loss.item(), parameter.grad.double()


def error(expected, actual):
    return ((expected - actual).abs().max() / expected.abs().max()).item()


def run(make):
    model = make()
    shape = SHAPE if hasattr(model, "layer1") else SMALL_SHAPE
    state = state_of(model)
    best = None
    for k in range(STREAMS):
        stream = f"images/{k}"
        images = numbers(stream, math.prod(shape)).reshape(shape).float()
        record, worst = {}, 0
        for mode in ("evaluated", "trained"):
            results = []
            for type in (torch.float32, torch.float64):
                model.to(type).train(mode == "trained").load_state_dict(state)
                results.append(step(model, images.to(type)))
            (single_logits, _, single), (logits, loss, gradient) = results
            worst = max(worst, error(logits, single_logits), error(gradient, single))
            record[mode] = {
                "logits": [float(f"{x:.9g}") for x in logits.flatten()[::LOGIT_STEP].tolist()],
                "largest_logit": logits.abs().max().item(),
                "loss": loss,
                "gradient": [float(f"{x:.9g}") for x in gradient[:FILTERS].flatten().tolist()],
                "largest_gradient": gradient.abs().max().item(),
                "gradient_norm": gradient.norm().item(),
            }
        print(" ", stream, "PyTorch's own error in single precision", f"{worst:.2e}", file=sys.stderr)
        if best is None or worst < best["single_precision_error"]:
            best = {
                "torch": torch.__version__, "torchvision": torchvision.__version__,
                "images": list(shape), "stream": stream, "labels": LABELS[: shape[0]], "logit_step": LOGIT_STEP, "single_precision_error": worst, **record,
            }
        if worst < GOOD_ENOUGH:
            break
    assert best["single_precision_error"] < 5e-5, "ill-conditioned: PyTorch itself is not exact enough in single precision"
    return best


if __name__ == "__main__":
    target = pathlib.Path(__file__).parent / "torchvision_vectors.json"
    records = json.loads(target.read_text()) if target.exists() and sys.argv[1:] else {}
    for name in sys.argv[1:] or CASES:
        print(name, file=sys.stderr)
        records[name] = run(CASES[name])
        lines = (f"{json.dumps(name)}: {json.dumps(records[name])}" for name in CASES if name in records)
        target.write_text("{\n" + ",\n".join(lines) + "\n}\n")
