#!/usr/bin/env python3
"""The Pillow side of bench/images: reads training crops of 224 pixels from JPEG files, one after the other on one core.

usage: pillow.py ROUNDS FILE...    prints images per second
"""
import math
import random
import sys
import time

from PIL import Image


def crop(width, height):
    """torchvision's RandomResizedCrop.get_params."""
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return random.randint(0, width - w), random.randint(0, height - h), w, h
    return 0, 0, width, height


def read(path):
    image = Image.open(path).convert("RGB")
    x, y, w, h = crop(*image.size)
    image = image.resize((224, 224), Image.BILINEAR, box=(x, y, x + w, y + h))
    return image.transpose(Image.FLIP_LEFT_RIGHT) if random.random() < 0.5 else image


rounds, paths = int(sys.argv[1]), sys.argv[2:]
random.seed(0)
for path in paths:
    read(path)
start = time.perf_counter()
for _ in range(rounds):
    for path in paths:
        read(path).tobytes()
print(len(paths) * rounds / (time.perf_counter() - start))
