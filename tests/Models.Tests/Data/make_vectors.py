"""Writes what PyTorch computes for small networks: logits, loss, gradients and running statistics, in double precision.

Run by a Python with torch and torchvision: python3 make_vectors.py. Weights and images are not written: both sides
make them by the same integer formula from a tensor's name and the position of each number in PyTorch's order.
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
        self.fc = nn.Linear(64, CLASSES)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
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
    "cifar_a_after_grey": (Cifar(8, "A", channels=1, half=False), (3, 1, 11, 13)),
    "cifar_b": (Cifar(8, "B"), (3, 3, 12, 12)),
    "cifar_c": (Cifar(8, "C"), (3, 3, 12, 12)),
    "cifar_plain": (Cifar(8, "None"), (3, 3, 12, 12)),
    "basic": (ResNet(BasicBlock, [1, 1, 1, 1], CLASSES), (2, 3, 33, 25)),
    "basic_group_norm": (ResNet(BasicBlock, [1, 1, 1, 1], CLASSES, norm_layer=lambda c: nn.GroupNorm(8, c)), (2, 3, 25, 25)),
    "bottleneck_dilated": (
        ResNet(Bottleneck, [1, 1, 1, 2], CLASSES, groups=2, width_per_group=16, replace_stride_with_dilation=[False, True, True]),
        (2, 3, 17, 19),
    ),
    "bottleneck_v1": (v1(ResNet(Bottleneck, [1, 1, 1, 1], CLASSES)), (2, 3, 33, 25)),
}


def run(model, shape):
    model.double()
    fill(model)
    images = numbers("images", math.prod(shape)).reshape(shape)
    labels = torch.tensor([(3 * i + 1) % CLASSES for i in range(shape[0])])
    with torch.no_grad():
        evaluated = model.eval()(images)
    trained = model.train()(images)
    loss = F.cross_entropy(trained, labels)
    loss.backward()
    statistics = {name: buffer for name, buffer in model.named_buffers() if name.startswith("bn1.")}
    return {
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "images": list(shape),
        "evaluated": evaluated.flatten().tolist(),
        "trained": trained.detach().flatten().tolist(),
        "loss": loss.item(),
        "first_filters_gradient": model.conv1.weight.grad[:2].flatten().tolist(),
        "gradient_norms": {name: parameter.grad.norm().item() for name, parameter in model.named_parameters()},
        "statistics": {name: buffer.flatten()[:8].tolist() for name, buffer in statistics.items()},
    }


if __name__ == "__main__":
    target = pathlib.Path(__file__).parent / "vectors.json"
    lines = (f"{json.dumps(name)}: {json.dumps(run(*case))}" for name, case in CASES.items())
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")
