#!/usr/bin/env python3
"""Makes the small checkpoints that PyTorchFileTests reads, with PyTorch itself, and expected.json with every number of them.

    python3 make_checkpoints.py           makes them (Debian: python3-torch)
    python3 make_checkpoints.py check     loads written.pth, which the engine wrote, and compares every bit

PyTorch 1.13 made the committed ones.
"""
import argparse
import collections
import dataclasses
import datetime
import enum
import fractions
import functools
import io
import json
import os
import pathlib
import pickle
import struct
import sys
import zipfile

import numpy
import torch
import torch.package

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}


def path(name):
    return os.path.join(HERE, name)


def raw(tensor):
    flat = tensor.detach().contiguous().reshape(-1)
    return bytes(flat.view(torch.uint8).tolist()) if flat.numel() else b""


def describe(state):
    return {k: {"type": NAMES[t.dtype], "shape": list(t.shape), "bytes": raw(t).hex()} for k, t in state.items()}


def plain_state():
    """Every type, and shapes from none to four extents: what the engine writes too."""
    torch.manual_seed(1)
    state = collections.OrderedDict()
    for dtype, name in NAMES.items():
        values = torch.randn(2, 3) * 50
        state["type." + name] = values > 0 if dtype == torch.bool else values.abs().to(dtype) if dtype == torch.uint8 else values.to(dtype)
    state["conv1.weight"] = torch.randn(4, 2, 3, 3)
    state["scalar"] = torch.tensor(17)
    state["empty"] = torch.zeros(0, 5)
    state["special"] = torch.tensor([float("nan"), float("inf"), -0.0, 1e-45])
    return state


def strided_state():
    """Views of every kind, parameters, and tensors that share their numbers."""
    torch.manual_seed(2)
    block = torch.randn(4, 6)
    state = collections.OrderedDict()
    state["block"] = block
    state["tied"] = block
    state["transposed"] = block.t()
    state["row"] = block[2]
    state["column"] = block[:, 1]
    state["part"] = block[1:3, 2:5]
    state["every other"] = block[::2, ::3]
    state["expanded"] = torch.randn(3, 1).expand(3, 4)
    state["filter.last"] = torch.randn(3, 4, 2, 2).to(memory_format=torch.channels_last)
    state["half.transposed"] = torch.randn(3, 5).half().t()
    state["double.transposed"] = torch.randn(2, 3, 4).double().permute(2, 0, 1)
    state["byte.transposed"] = torch.arange(6, dtype=torch.uint8).reshape(2, 3).t()
    state["parameter"] = torch.nn.Parameter(torch.randn(3))
    state["frozen"] = torch.nn.Parameter(torch.randn(2, 2), requires_grad=False)
    return state


def wrapped_state():
    """As training scripts save it: in a dictionary with other things, by DataParallel, with an optimizer's state."""
    torch.manual_seed(3)
    model = torch.nn.Sequential(collections.OrderedDict(
        conv1=torch.nn.Conv2d(1, 4, 3, padding=1), bn1=torch.nn.BatchNorm2d(4), linear=torch.nn.Linear(4, 2)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.randn(2, 1, 5, 4)).sum().backward()
    optimizer.step()
    state = torch.nn.DataParallel(model).state_dict()
    return state, {
        "epoch": 3, "best": 0.91, "arch": "tiny", "sizes": torch.Size([1, 2]), "type": torch.float16, "done": None, "flags": {True, "x"},
        "history": [1, 2.5, -(2 ** 70), b"bytes", (4, 5)], "counts": collections.defaultdict(list, a=[1]),
        "state_dict": state, "optimizer": optimizer.state_dict(),
    }


class Color(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Settings:
    rate: float = 0.1
    names: list = dataclasses.field(default_factory=lambda: ["a"])


class Attributes(dict):
    """A class of dictionaries, as configuration libraries have."""


def same(value):
    return value


def foreign_state():
    """Weights among objects of many classes, which are not theirs."""
    torch.manual_seed(4)
    state = collections.OrderedDict([("fc.weight", torch.randn(2, 4)), ("fc.bias", torch.randn(2))])
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1)
    return state, {
        "args": argparse.Namespace(lr=0.1, data=pathlib.PurePosixPath("/data"), when=datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc)),
        "best": numpy.float64(91.5), "counts": collections.Counter("abca"), "array": numpy.arange(6.0).reshape(2, 3), "numpy": numpy.random.default_rng(1),
        "color": Color.RED, "settings": Settings(), "attributes": Attributes(deep=Attributes(x=1)), "function": same, "partial": functools.partial(same, 1, k=2),
        "fraction": fractions.Fraction(1, 3), "queue": collections.deque([1, 2], 3), "complex": 1 + 2j, "large": 2 ** 300, "text": "caf\u00e9 \u20ac \U0001f600",
        "keys": {Color.RED: 1, (1, 2): 2, frozenset([1]): 3, b"x": 4, None: 5, pathlib.PurePosixPath("k"): 6},
        "scheduler": torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 4]).state_dict(), "loss": torch.nn.CrossEntropyLoss(),
        "phase": torch.zeros(2, dtype=torch.complex64), "quantized": torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.qint8), "sparse": torch.eye(2).to_sparse(),
        "weights": state,
    }


def rezip(source, target, method=zipfile.ZIP_STORED, swap=None):
    """The same files in another zip file: compressed, or with each number's bytes reversed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", method) as new:
        for entry in old.infolist():
            data = old.read(entry)
            if swap and "/data/" in entry.filename:
                data = b"".join(data[i:i + swap][::-1] for i in range(0, len(data), swap))
            new.writestr(zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0)), data, method)
        if swap:
            new.writestr(zipfile.ZipInfo(old.namelist()[0].split("/")[0] + "/byteorder", (1980, 1, 1, 0, 0, 0)), b"big")


def legacy_views(target):
    """As PyTorch before 0.4 wrote it: storages that are parts of others, named in the persistent id."""
    whole = torch.arange(10, dtype=torch.float32)

    class Storage:
        def __init__(self, view):
            self.view = view

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return ("storage", torch.FloatStorage, "100", "cpu", 10, value.view) if isinstance(value, Storage) else None

    class Tensor:
        def __init__(self, view, offset, size, stride):
            self.args = (Storage(view), offset, size, stride)

        def __reduce__(self):
            return torch._utils._rebuild_tensor, self.args

    with open(target, "wb") as file:
        pickle.dump(0x1950A86A20F9469CFC6C, file, 2)
        pickle.dump(1001, file, 2)
        pickle.dump({"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, file, 2)
        tensors = collections.OrderedDict(whole=Tensor(None, 0, (10,), (1,)), view=Tensor(("200", 4, 6), 1, (2, 2), (1, 2)))
        Pickler(file, 2).dump(tensors)
        pickle.dump(["100"], file, 2)
        file.write(struct.pack("<q", 10) + raw(whole))
    return {"whole": whole, "view": whole[5:9].reshape(2, 2).t()}


def make():
    expected = {}
    plain, strided = plain_state(), strided_state()
    wrapped, checkpoint = wrapped_state()
    for name, state, saved in (("plain", plain, plain), ("strided", strided, strided), ("wrapped", wrapped, checkpoint)):
        torch.save(saved, path(name + ".zip.pth"))
        torch.save(saved, path(name + ".legacy.pth"), _use_new_zipfile_serialization=False)
        expected[name] = describe(state)
    for protocol in (3, 4, 5):
        torch.save(checkpoint, path("wrapped.protocol%d.zip.pth" % protocol), pickle_protocol=protocol)
        torch.save(checkpoint, path("wrapped.protocol%d.legacy.pth" % protocol), pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    rezip(path("strided.zip.pth"), path("strided.deflated.zip.pth"), zipfile.ZIP_DEFLATED)
    big = collections.OrderedDict((k, t) for k, t in strided.items() if t.dtype == torch.float32)
    buffer = io.BytesIO()
    torch.save(big, buffer)
    rezip(buffer, path("bigendian.zip.pth"), swap=4)
    expected["bigendian"] = describe(big)
    foreign, checkpoint = foreign_state()
    for protocol in (0, 2, 4):
        torch.save(checkpoint, path("foreign.protocol%d.zip.pth" % protocol), pickle_protocol=protocol)
        torch.save(checkpoint, path("foreign.protocol%d.legacy.pth" % protocol), pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    expected["foreign"] = describe(foreign)
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 2)), path("module.zip.pth"))
    torch.jit.script(torch.nn.Linear(2, 2)).save(path("script.pt"))
    with torch.package.PackageExporter(path("package.pt")) as package:
        package.extern("**")
        package.save_pickle("model", "model.pkl", torch.nn.Linear(2, 2))
    expected["views"] = describe(legacy_views(path("views.legacy.pth")))
    with open(path("expected.json"), "w") as file:
        json.dump(expected, file, indent=0)
        file.write("\n")


def check():
    expected = json.load(open(path("expected.json")))["plain"]
    loaded = torch.load(path("written.pth"))
    assert type(loaded) is collections.OrderedDict and list(loaded) == list(expected), list(loaded)
    assert describe(loaded) == expected
    assert all(not t.requires_grad and t.is_contiguous() for t in loaded.values())
    print("written.pth: PyTorch %s loads all %d tensors, equal bit for bit" % (torch.__version__, len(loaded)))


if __name__ == "__main__":
    check() if "check" in sys.argv else make()
