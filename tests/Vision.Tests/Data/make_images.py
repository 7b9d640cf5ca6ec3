#!/usr/bin/env python3
"""Makes images.zip: small synthetic images in many kinds of JPEG and PNG, and what Pillow and torchvision make of them.

NAME.jpg or NAME.png is a picture, NAME.rgb its upright pixels (Pillow: convert("RGB") after exif_transpose; of 16-bit gray the upper
bytes, which Pillow would clip), NAME.size its width and height. resize-*.rgb are resizes of color.png, center-*.rgb torchvision's
evaluation crops, color-*.rgb changes of its colors; their names tell the parameters.

Needs Debian's python3-pil, python3-numpy and python3-torchvision. Run: python3 make_images.py
"""
import io
import struct
import zipfile
import zlib

import numpy as np
import torchvision.transforms as T
import torchvision.transforms.functional as F
from PIL import Image, ImageEnhance, ImageOps

rng = np.random.default_rng(1)
archive = zipfile.ZipFile("images.zip", "w", zipfile.ZIP_DEFLATED)


def write(name, data):
    info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data)


def scene(width, height, channels):
    """Waves, edges and noise, so that neither rows nor columns nor channels can be mistaken for each other."""
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        plane = 128 + 70 * np.sin(x / (3 + 2 * c)) + 50 * np.cos(y / (4 + c) + c) + 40 * ((x * (c + 1) + y) % 17 < 5)
        planes.append(plane + rng.normal(0, 3, (height, width)))
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def save(name, image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG" if name.endswith("jpg") else "PNG", **options)
    add(name, buffer.getvalue())


def add(name, data, pixels=None):
    if pixels is None:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        pixels = np.array(image)
    stem = name.rsplit(".", 1)[0]
    write(name, data)
    write(stem + ".rgb", pixels.tobytes())
    write(stem + ".size", f"{pixels.shape[1]} {pixels.shape[0]}")


def png(samples, depth, color, palette=None, interlaced=False, extra=b""):
    """A PNG that Pillow cannot write. samples: [height, width, channels] of integers below 2^depth; rows take the filters in turn."""
    height, width, channels = samples.shape
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    rows = b""
    for left, top, across, down in passes:
        part = samples[top::down, left::across]
        if part.size == 0:
            continue
        step = max(1, depth * channels // 8)
        above = None
        for number, line in enumerate(part):
            flat = line.reshape(-1)
            if depth == 16:
                raw = flat.astype(">u2").tobytes()
            else:
                bits = "".join(format(int(v), f"0{depth}b") for v in flat)
                bits += "0" * (-len(bits) % 8)
                raw = int(bits, 2).to_bytes(len(bits) // 8, "big")
            above = above or bytes(len(raw))
            rows += filtered(raw, above, step, number % 5)
            above = raw

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packed = zlib.compress(rows, 9)
    half = len(packed) // 2
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))) + extra
            + (chunk(b"PLTE", palette) if palette else b"") + chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:]) + chunk(b"IEND", b""))


def filtered(raw, above, step, kind):
    out = bytearray([kind])
    for i, value in enumerate(raw):
        a = raw[i - step] if i >= step else 0
        b = above[i]
        c = above[i - step] if i >= step else 0
        p = a + b - c
        paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        out.append((value - [0, a, b, (a + b) // 2, paeth][kind]) & 255)
    return bytes(out)


color = Image.fromarray(scene(61, 47, 3))
gray = Image.fromarray(scene(40, 33, 1)[:, :, 0])

# JPEG
save("baseline.jpg", color, quality=85)
save("full-chroma.jpg", color, quality=92, subsampling=0)
save("half-chroma.jpg", color, quality=80, subsampling=1)
save("progressive.jpg", color, quality=85, progressive=True)
save("monochrome.jpg", gray, quality=90)
save("cmyk.jpg", Image.fromarray(scene(33, 21, 4), "CMYK"), quality=90)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(f"orientation-{orientation}.jpg", Image.fromarray(scene(19, 12, 3)), quality=95, exif=exif)

# PNG
save("color.png", color)
save("alpha.png", Image.fromarray(scene(23, 17, 4), "RGBA"))
save("gray.png", gray)
save("gray-alpha.png", Image.fromarray(scene(23, 17, 2), "LA"))
save("bits.png", gray.convert("1"))
save("palette.png", color.quantize(200))
save("palette-4.png", color.quantize(13), bits=4)
save("palette-alpha.png", color.quantize(50), transparency=3)
exif = Image.Exif()
exif[0x0112] = 6
save("orientation.png", color, exif=exif)
wide = rng.integers(0, 65536, (9, 14, 3))
for interlaced in (False, True):
    kind = "interlaced" if interlaced else "plain"
    data = png(wide, 16, 2, interlaced=interlaced)
    add(f"{kind}-16.png", data)
    data = png(wide[:, :, :1], 16, 0, interlaced=interlaced)
    add(f"{kind}-gray-16.png", data, np.repeat(wide[:, :, :1] >> 8, 3, 2).astype(np.uint8))
    add(f"{kind}-8.png", png(scene(21, 13, 3), 8, 2, interlaced=interlaced))
    add(f"{kind}-alpha.png", png(scene(21, 13, 4), 8, 6, interlaced=interlaced))
    add(f"{kind}-gray-2.png", png(rng.integers(0, 4, (11, 13, 1)), 2, 0, interlaced=interlaced))
    add(f"{kind}-palette-1.png", png(rng.integers(0, 2, (11, 13, 1)), 1, 3, palette=bytes([10, 200, 30, 250, 5, 90]), interlaced=interlaced))
add("tiny-interlaced.png", png(scene(1, 2, 3), 8, 2, interlaced=True))

# resize-FILTER-LEFT-TOP-WIDTH-HEIGHT-TO_WIDTH-TO_HEIGHT: a crop, then a resize, as torchvision's resized_crop.
for name, method in (("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)):
    for left, top, width, height, to_width, to_height in (
            (0, 0, 61, 47, 31, 24), (0, 0, 61, 47, 61, 20), (0, 0, 61, 47, 9, 7), (0, 0, 61, 47, 80, 50), (5, 3, 40, 30, 32, 32),
            (60, 46, 1, 1, 5, 4), (0, 0, 61, 3, 20, 2), (7, 0, 3, 47, 3, 33), (0, 0, 61, 47, 61, 47), (50, 40, 11, 7, 1, 1)):
        out = color.crop((left, top, left + width, top + height)).resize((to_width, to_height), method)
        write(f"resize-{name}-{left}-{top}-{width}-{height}-{to_width}-{to_height}.rgb", out.tobytes())

# center-PICTURE-RESIZE-CROP: torchvision's evaluation; ten-PICTURE-RESIZE-CROP the first five of its ten crops.
for picture in ("baseline.jpg", "color.png", "orientation-6.jpg"):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(archive.read(picture)))).convert("RGB")
    for resize, crop in ((32, 28), (40, 35), (24, 24)):
        write(f"center-{picture}-{resize}-{crop}.rgb", T.Compose([T.Resize(resize), T.CenterCrop(crop)])(image).tobytes())
        write(f"five-{picture}-{resize}-{crop}.rgb", b"".join(c.tobytes() for c in T.Compose([T.Resize(resize), T.TenCrop(crop)])(image)[:5]))

# color-CHANGE-FACTOR
for factor in (0.6, 1.4):
    write(f"color-brightness-{factor}.rgb", F.adjust_brightness(color, factor).tobytes())
    write(f"color-contrast-{factor}.rgb", F.adjust_contrast(color, factor).tobytes())
    write(f"color-saturation-{factor}.rgb", F.adjust_saturation(color, factor).tobytes())
archive.close()
