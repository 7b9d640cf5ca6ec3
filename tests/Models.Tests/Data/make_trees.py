"""Writes what torchvision says about its networks: printed trees and the names and shapes of their state.

Run by a Python with torch and torchvision: python3 make_trees.py. The tree of resnet18 is not written: it is that of the
article which the project starts from, and only compared here.
"""
import pathlib

import torchvision

here = pathlib.Path(__file__).parent
for name in ("resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "vgg11_bn", "vgg13", "vgg16", "vgg19", "vgg19_bn"):
    model = getattr(torchvision.models, name)()
    tree = here / f"{name}.tree.txt"
    if name == "resnet18":
        assert tree.read_text() == f"{model}\n", "the article's tree differs from torchvision's"
    else:
        tree.write_text(f"{model}\n")
    state = "".join(f"{key} {list(value.shape)}\n" for key, value in model.state_dict().items())
    (here / f"{name}.state.txt").write_text(state)
