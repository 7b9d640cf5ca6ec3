"""Writes what PyTorch's hooks see in two training steps of small networks: the statistics of FlowRecorder, in double precision.

Run by a Python with torch and torchvision, after make_vectors.py: python3 make_flow_vectors.py. Networks, weights and images are those of
make_vectors.py. The second step has momentum from the first.
"""
import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock

from make_vectors import CASES, CLASSES, PlainBlock, fill, numbers

FOLDER = pathlib.Path(__file__).parent
RATE, MOMENTUM, DECAY = 0.1, 0.9, 1e-4


class Recorder:
    """Hooks on a network's layers, norms, ReLUs and branches."""

    def __init__(self, model):
        self.layers, self.blocks = {}, {}
        self.weights = {name: module.weight for name, module in model.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))}
        responses = {name: name for name in self.weights}
        for name in self.weights:
            # conv1 responds through bn1, and a projection's 0 through its 1.
            norm = name[:-5] + "bn" + name[-1] if name[:-1].endswith("conv") else name[:-1] + "1" if name.endswith("downsample.0") else name
            responses[name] = norm
        for name, norm in responses.items():
            dict(model.named_modules())[norm].register_forward_hook(lambda _, __, output, name=name: self.respond(name, output))

    def respond(self, name, output):
        record = self.layers.setdefault(name, {})
        record["deviation"] = output.detach().std(unbiased=False).item()
        output.register_hook(lambda gradient: record.update(activation_gradient=gradient.norm().item()))

    def relu(self, name, output):
        zero = output.detach() == 0
        self.layers[name]["inactive"] = zero.double().mean().item()
        self.layers[name]["dead"] = zero.all(dim=3).all(dim=2).all(dim=0).double().mean().item()
        return output

    def branch(self, block, name, x):
        way = x.clone()
        way.register_hook(lambda gradient: self.blocks.setdefault(block, {}).update({name: gradient.norm().item()}))
        return way


def forward(model, recorder, x):
    """The network's forward without operations in place, which hooks on their inputs would not survive."""
    x = recorder.relu("conv1", F.relu(model.bn1(model.conv1(x))))
    for path, block in model.named_modules():
        if isinstance(block, BasicBlock):
            is_plain = isinstance(block, PlainBlock)
            residual = x if is_plain else recorder.branch(path, "residual", x)
            h = recorder.relu(f"{path}.conv1", F.relu(block.bn1(block.conv1(residual))))
            c = block.bn2(block.conv2(h))
            if not is_plain:
                shortcut = recorder.branch(path, "shortcut", x)
                c = c + (shortcut if block.downsample is None else block.downsample(shortcut))
            x = recorder.relu(f"{path}.conv2", F.relu(c))
    return model.fc(x.mean((2, 3)))


def run(name):
    model, shape = CASES[name]
    model.double().train()
    fill(model)
    images = numbers(json.loads((FOLDER / "vectors.json").read_text())[name]["stream"], torch.Size(shape).numel()).reshape(shape)
    labels = torch.tensor([(3 * i + 1) % CLASSES for i in range(len(images))])
    optimizer = torch.optim.SGD(model.parameters(), RATE, MOMENTUM, weight_decay=DECAY)
    recorder, samples = Recorder(model), []
    for _ in range(2):
        recorder.layers, recorder.blocks = {}, {}
        optimizer.zero_grad()
        F.cross_entropy(forward(model, recorder, images), labels).backward()
        before = {layer: weight.detach().clone() for layer, weight in recorder.weights.items()}
        gradients = {layer: weight.grad.norm().item() for layer, weight in recorder.weights.items()}
        optimizer.step()
        for layer, weight in recorder.weights.items():
            recorder.layers[layer].update(
                weight_gradient=gradients[layer],
                weight=before[layer].norm().item(),
                update_ratio=((weight.detach() - before[layer]).norm() / before[layer].norm()).item(),
            )
        samples.append({"layers": recorder.layers, "blocks": recorder.blocks})
    return samples


if __name__ == "__main__":
    lines = (f"{json.dumps(name)}: {json.dumps(run(name))}" for name in ("cifar_a", "cifar_b", "cifar_c", "cifar_plain"))
    (FOLDER / "flow_vectors.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
