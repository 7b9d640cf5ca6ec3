"""Writes what PyTorch computes for small networks: logits, loss, gradients and running statistics, in double precision.

Run by a Python with torch and torchvision: python3 make_vectors.py. Weights and images are not written: both sides
make them by the same integer formula from a tensor's name and the position of each number in PyTorch's order.

Devices of single precision are compared with the same vectors. So of several sets of images the one is taken whose
inputs of ReLUs stay farthest from zero: a rounding error then does not switch a ReLU, after which gradients differ. PyTorch's
own gradients in single precision must agree with those in double precision much better than a device has to.
"""
import json
import math
import pathlib

import numpy as np
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

CLASSES = 5
MASK = np.uint64(0xFFFFFFFF)


def numbers(name, count):
    """count numbers from -1 to 1 that belong to a name."""
    seed = 2166136261
    for letter in name.encode():
        seed = (seed ^ letter) * 16777619 & 0xFFFFFFFF
    x = (np.uint64(seed) + np.arange(count, dtype=np.uint64) * np.uint64(2654435761)) & MASK
    for _ in range(2):
        x ^= x >> np.uint64(16)
        x = x * np.uint64(0x45D9F3B) & MASK
    x ^= x >> np.uint64(16)
    return torch.from_numpy(x.astype(np.float64) / 2**31 - 1)


@torch.no_grad()
def fill(model):
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        u = numbers(name, tensor.numel()).reshape(tensor.shape)
        if tensor.dim() > 1:
            u = u * math.sqrt(6 / tensor[0].numel())
        elif name.endswith("running_var"):
            u = 1 + 0.4 * u
        elif name.endswith("weight"):
            u = 1 + 0.3 * u
        else:
            u = 0.2 * u
        tensor.copy_(u)


class ZeroPad(nn.Module):
    def __init__(self, inputs, outputs, stride, half):
        super().__init__()
        before = (outputs - inputs) // 2 if half else 0
        self.stride, self.pad = stride, (0, 0, 0, 0, before, outputs - inputs - before)

    def forward(self, x):
        return F.pad(x[:, :, :: self.stride, :: self.stride], self.pad)


class PlainBlock(BasicBlock):
    def forward(self, x):
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


class Cifar(nn.Module):
    """A CIFAR network of torchvision's basic blocks."""

    def __init__(self, depth, shortcut, channels=3, half=True):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        inputs = 16
        for stage, filters in enumerate((16, 32, 64), 1):
            blocks = []
            for i in range((depth - 2) // 6):
                stride = 2 if stage > 1 and i == 0 else 1
                down = None
                if shortcut == "C" or (shortcut == "B" and inputs != filters):
                    down = nn.Sequential(nn.Conv2d(inputs, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))
                elif shortcut == "A" and inputs != filters:
                    down = ZeroPad(inputs, filters, stride, half)
                block = PlainBlock if shortcut == "None" else BasicBlock
                blocks.append(block(inputs, filters, stride, down))
                inputs = filters
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.relu = nn.ReLU()
        self.fc = nn.Linear(64, CLASSES)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


def v1(model):
    """Moves each bottleneck's stride to its first convolution, as in the paper."""
    for block in model.modules():
        if isinstance(block, Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, (1, 1)
    return model


CASES = {
    "cifar_a": (Cifar(14, "A"), (3, 3, 12, 12)),
    "cifar_a_after_gray": (Cifar(8, "A", channels=1, half=False), (3, 1, 11, 13)),
    "cifar_b": (Cifar(8, "B"), (3, 3, 12, 12)),
    "cifar_c": (Cifar(8, "C"), (3, 3, 12, 12)),
    "cifar_plain": (Cifar(8, "None"), (3, 3, 12, 12)),
    "basic": (ResNet(BasicBlock, [1, 1, 1, 1], CLASSES), (2, 3, 33, 25)),
    "basic_group_norm": (ResNet(BasicBlock, [1, 1, 1, 1], CLASSES, norm_layer=lambda c: nn.GroupNorm(8, c)), (2, 3, 25, 25)),
    "bottleneck_dilated": (
        ResNet(Bottleneck, [1, 1, 1, 2], CLASSES, groups=2, width_per_group=16, replace_stride_with_dilation=[False, True, True]),
        (2, 3, 17, 19),
    ),
    "bottleneck_v1": (v1(ResNet(Bottleneck, [1, 1, 1, 1], CLASSES)), (2, 3, 33, 33)),
}


def train(model, images):
    """Logits, loss and gradients of a step of training."""
    labels = torch.tensor([(3 * i + 1) % CLASSES for i in range(len(images))])
    model.zero_grad()
    logits = model.train()(images)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    return logits.detach(), loss.item(), {name: parameter.grad.double().clone() for name, parameter in model.named_parameters()}


def margin(model, images):
    """How near to zero an input of a ReLU comes, in evaluation and in training."""
    nearest = []
    hooks = [
        module.register_forward_pre_hook(lambda _, inputs: nearest.append(inputs[0].abs().min().item()))
        for module in model.modules()
        if isinstance(module, nn.ReLU)
    ]
    with torch.no_grad():
        fill(model)
        model.eval()(images)
        model.train()(images)
    for hook in hooks:
        hook.remove()
    return min(nearest)


def single_precision_error(model, images, expected):
    """The largest relative error of PyTorch's own gradients in single precision."""
    fill(model)
    _, _, gradients = train(model.float(), images.float())
    model.double()
    errors = [((gradients[name] - value).abs().max() / value.abs().max()).item() for name, value in expected.items() if name == "conv1.weight"]
    errors += [abs(gradients[name].norm() / value.norm() - 1).item() for name, value in expected.items()]
    return max(errors)


def run(model, shape):
    model.double()
    streams = {f"images/{k}": numbers(f"images/{k}", math.prod(shape)).reshape(shape) for k in range(16)}
    stream = max(streams, key=lambda name: margin(model, streams[name]))
    images = streams[stream]
    fill(model)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.num_batches_tracked.zero_()
    with torch.no_grad():
        evaluated = model.eval()(images)
    trained, loss, gradients = train(model, images)
    statistics = {name: buffer.clone() for name, buffer in model.named_buffers() if name.startswith("bn1.")}
    error = single_precision_error(model, images, gradients)
    assert error < 3e-5, f"ill-conditioned: PyTorch's own error in single precision is {error}"
    return {
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "images": list(shape),
        "stream": stream,
        "single_precision_error": error,
        "evaluated": evaluated.flatten().tolist(),
        "trained": trained.flatten().tolist(),
        "loss": loss,
        "first_filters_gradient": gradients["conv1.weight"][:2].flatten().tolist(),
        "gradient_norms": {name: gradient.norm().item() for name, gradient in gradients.items()},
        "statistics": {name: buffer.flatten()[:8].tolist() for name, buffer in statistics.items()},
    }


if __name__ == "__main__":
    target = pathlib.Path(__file__).parent / "vectors.json"
    lines = (f"{json.dumps(name)}: {json.dumps(run(*case))}" for name, case in CASES.items())
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")
