"""PyTorch's side of the comparison: images per second on synthetic data, as one line of JSON with the keys of `engine bench --json`.

    python3 torch_bench.py --model resnet20 --batch-size 128 --mode train --threads 2
    python3 torch_bench.py --versions
    python3 torch_bench.py --sizes

A training step is forward, loss, backward and update (momentum 0.9, weight decay 1e-4), like the engine's. The line is written as
soon as the last step is done, so that with --warmup 0 --steps 1 it marks the end of the first step.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

try:
    import torch
    import torchvision
except ImportError as missing:
    raise SystemExit(f"error: PyTorch is not there ({missing}): apt-get install python3-torch python3-torchvision, or name another Python with --python")


def arguments():
    parser = argparse.ArgumentParser(description="PyTorch's side of the comparison.")
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--mode", choices=("train", "infer"), default="train")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--layout", choices=("channels_last", "contiguous"), default="channels_last")
    parser.add_argument("--frozen", action="store_true", help="inference by torch.jit.optimize_for_inference, which folds batch norms")
    parser.add_argument("--compile", default="", help="a mode of torch.compile, such as max-autotune")
    parser.add_argument("--versions", action="store_true", help="only print versions")
    parser.add_argument("--sizes", action="store_true", help="only print what has to be installed, in bytes")
    return parser.parse_args()


class Workload:
    def __init__(self, options):
        from torch_models import build

        self.options = options
        self.is_cuda = options.device.startswith("cuda")
        torch.manual_seed(0)
        torch.set_num_threads(options.threads)
        if self.is_cuda:
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = options.precision != "fp32"
        network, extent = build(options.model)
        layout = torch.channels_last if options.layout == "channels_last" else torch.contiguous_format
        network = network.to(device=options.device, memory_format=layout).train(options.mode == "train")
        self.images = torch.randn(options.batch_size, 3, extent, extent).to(device=options.device, memory_format=layout)
        self.labels = torch.randint(10, (options.batch_size,)).to(options.device)
        self.forward = network
        if options.frozen:
            with torch.no_grad():
                self.forward = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(network, self.images)))
        if options.compile:
            self.forward = torch.compile(network, mode=options.compile)
        if options.mode == "train":
            fused = {"fused": True} if self.is_cuda else {}
            self.optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4, **fused)

    def step(self):
        with torch.autocast(self.images.device.type, torch.bfloat16, enabled=self.options.precision == "bf16"):
            if self.options.mode == "infer":
                with torch.inference_mode():
                    self.forward(self.images)
                return
            loss = torch.nn.functional.cross_entropy(self.forward(self.images), self.labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()

    def seconds(self, steps):
        """The time for so many steps; a GPU has finished them before the clock is read."""
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        if self.is_cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - start


def measure(options):
    workload = Workload(options)
    chunk = 10 if workload.is_cuda else 1
    if options.warmup > 0:
        workload.seconds(options.warmup)
    rates = [options.batch_size * chunk / workload.seconds(chunk) for _ in range(options.steps)]
    return {
        "engine": f"pytorch {torch.__version__}",
        "model": options.model,
        "mode": options.mode,
        "batch_size": options.batch_size,
        "device": torch.cuda.get_device_name() if workload.is_cuda else f"cpu x{options.threads}",
        "precision": options.precision,
        "compile": "frozen" if options.frozen else options.compile,
        "channels_last": options.layout == "channels_last",
        "images_per_second": {"min": min(rates), "median": statistics.median(rates), "max": max(rates)},
        "peak_device_bytes": torch.cuda.max_memory_allocated() if workload.is_cuda else None,
    }


def debian_sizes(packages):
    """Bytes to download and bytes on disk of Debian packages and everything they depend on."""
    depends = ["apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances"]
    listed = subprocess.run(depends + packages, capture_output=True, text=True, check=True).stdout
    names = sorted({line.strip() for line in listed.splitlines() if line and line[0] not in " <|"})
    installed = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version} ${Status}\n"] + names, capture_output=True, text=True).stdout
    present = sorted({line.split()[0] for line in installed.splitlines() if line.endswith("ok installed")})
    shown = subprocess.run(["apt-cache", "show", "--no-all-versions"] + present, capture_output=True, text=True, check=True).stdout
    fields = [line.split(": ", 1) for line in shown.splitlines() if line.startswith(("Size: ", "Installed-Size: "))]
    return present, sum(int(v) for k, v in fields if k == "Size"), 1024 * sum(int(v) for k, v in fields if k == "Installed-Size")


def sizes():
    """What PyTorch needs on a machine: from Debian's package index where it comes from there, otherwise the installed files."""
    if torch.__file__.startswith("/usr/lib/python3/dist-packages"):
        names, download, disk = debian_sizes(["python3-torch", "python3-torchvision"])
        return {"source": f"Debian packages python3-torch and python3-torchvision with all they depend on ({len(names)} packages, Python among them)",
                "download_bytes": download, "installed_bytes": disk}
    import importlib.metadata

    def files(name):
        return importlib.metadata.files(name) or []

    distributions = ["torch", "torchvision"] + [d.metadata["Name"] for d in importlib.metadata.distributions() if d.metadata["Name"].startswith(("nvidia-", "triton"))]
    paths = {os.path.realpath(f.locate()) for name in distributions for f in files(name)}
    return {"source": f"files of {', '.join(distributions)}; without Python", "download_bytes": None,
            "installed_bytes": sum(os.path.getsize(path) for path in paths if os.path.isfile(path))}


def main():
    options = arguments()
    if options.versions:
        result = {"pytorch": torch.__version__, "torchvision": torchvision.__version__, "python": sys.version.split()[0],
                  "threads": torch.get_num_threads(), "cuda": torch.cuda.is_available()}
    else:
        result = sizes() if options.sizes else measure(options)
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
