"""The networks of the comparison: torchvision's under their own names, and the CIFAR networks of He et al. (2015), section 4.2.

resnetN with N = 6n + 2 layers has three stages of n blocks with 16, 32 and 64 filters, on images of 32 x 32, with parameter-free
shortcuts (option A: every second pixel, missing channels zero), global average pooling and one linear layer.
"""
import torch
import torch.nn.functional as functional
from torch import nn

IMAGENET = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


def convolution(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False)


class CifarBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.stride = outputs // inputs
        self.missing = (outputs - inputs) // 2
        self.conv1, self.bn1 = convolution(inputs, outputs, self.stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = convolution(outputs, outputs), nn.BatchNorm2d(outputs)

    def shortcut(self, images):
        if self.stride == 1:
            return images
        taken = images[:, :, :: self.stride, :: self.stride]
        return functional.pad(taken, (0, 0, 0, 0, self.missing, self.missing))

    def forward(self, images):
        hidden = torch.relu_(self.bn1(self.conv1(images)))
        return torch.relu_(self.bn2(self.conv2(hidden)).add_(self.shortcut(images)))


class CifarResNet(nn.Module):
    def __init__(self, depth, classes=10):
        super().__init__()
        widths = [width for width in (16, 32, 64) for _ in range((depth - 2) // 6)]
        self.conv1, self.bn1 = convolution(3, 16), nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(*(CifarBlock(before, after) for before, after in zip([16] + widths, widths)))
        self.fc = nn.Linear(64, classes)

    def forward(self, images):
        features = self.blocks(torch.relu_(self.bn1(self.conv1(images))))
        return self.fc(features.mean(dim=(2, 3)))


def build(name):
    """A network by name, and the extent of its images."""
    if name in IMAGENET:
        import torchvision

        return getattr(torchvision.models, name)(), 224
    depth = int(name[len("resnet"):])
    if depth % 6 != 2:
        raise SystemExit(f"error: there is no CIFAR network of {depth} layers: N = 6n + 2")
    return CifarResNet(depth), 32
