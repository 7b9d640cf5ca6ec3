#!/usr/bin/env python3
"""Makes other-images.zip: small synthetic images in many kinds of BMP, GIF, WebP, TIFF and PNM, and what Pillow makes of them.

NAME.KIND is a picture, NAME.KIND.rgb its upright pixels (Pillow: convert("RGB") after exif_transpose; where Pillow clips 16-bit gray to 255 or
cannot read a kind, as stated at its place), NAME.KIND.size its width and height. Pictures that Pillow cannot write are put together by hand.

Needs Debian's python3-pil and python3-numpy. Run: python3 make_other_images.py
"""
import io
import struct
import zipfile

import numpy as np
from PIL import Image, ImageOps

rng = np.random.default_rng(2)
archive = zipfile.ZipFile("other-images.zip", "w", zipfile.ZIP_DEFLATED)


def write(name, data):
    info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data)


def scene(width, height, channels):
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        plane = 128 + 70 * np.sin(x / (3 + 2 * c)) + 50 * np.cos(y / (4 + c) + c) + 40 * ((x * (c + 1) + y) % 17 < 5)
        planes.append(plane + rng.normal(0, 3, (height, width)))
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def add(name, data, pixels=None):
    if pixels is None:
        pixels = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    write(name, data)
    write(name + ".rgb", np.ascontiguousarray(pixels, np.uint8).tobytes())
    write(name + ".size", f"{pixels.shape[1]} {pixels.shape[0]}")


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


color = Image.fromarray(scene(37, 23, 3))
gray = Image.fromarray(scene(26, 19, 1)[:, :, 0])
clear = Image.fromarray(scene(21, 14, 4), "RGBA")
exif = Image.Exif()
exif[0x0112] = 6

# BMP: a header of 40 bytes unless another one is given; rows from the bottom, each padded to four bytes.
for name, image in (("color", color), ("gray", gray), ("bits", gray.convert("1")), ("palette", color.quantize(60)), ("alpha", clear)):
    add(f"{name}.bmp", saved(image, "BMP"))


def bmp(width, height, bits, coding, body, palette=b"", masks=b"", size=40, colors=0):
    if size == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, coding, len(body), 0, 0, colors, 0) + masks
        header += bytes(max(0, size - len(header)))
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + palette + body


def rows(lines):
    return b"".join(line + bytes(-len(line) % 4) for line in lines)


palette = [(int(r), int(g), int(b)) for r, g, b in rng.integers(0, 256, (16, 3))]
quads = b"".join(bytes((b, g, r, 0)) for r, g, b in palette)
triples = b"".join(bytes((b, g, r)) for r, g, b in palette)
colors = np.array(palette)
index = rng.integers(0, 16, (9, 13))
index[3] = 5
index[6, 4:] = 11
nibbles = [bytes(int(a) << 4 | int(b) for a, b in zip(line[::2], np.append(line, 0)[1::2])) for line in index[::-1]]
add("nibbles.bmp", bmp(13, 9, 4, 0, rows(nibbles), quads, colors=16))
add("top-down.bmp", bmp(13, -9, 4, 0, rows(nibbles), quads, colors=16), colors[index[::-1]])
add("core-8.bmp", bmp(13, 9, 8, 0, rows(bytes(int(v) for v in line) for line in index[::-1]), triples + bytes(3 * 240), size=12))
add("core-24.bmp", bmp(37, 23, 24, 0, rows(line[:, ::-1].tobytes() for line in np.array(color)[::-1]), size=12))
words = rng.integers(0, 65536, (7, 11)).astype("<u2")
add("rgb-555.bmp", bmp(11, 7, 16, 0, rows(line.tobytes() for line in words)))
add("rgb-565.bmp", bmp(11, 7, 16, 3, rows(line.tobytes() for line in words), masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
quad = rng.integers(0, 1 << 32, (5, 6)).astype("<u4")
add("masks-40.bmp", bmp(6, 5, 32, 3, quad.tobytes(), masks=struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00)))
add("masks-124.bmp", bmp(6, 5, 32, 3, quad.tobytes(), masks=struct.pack("<IIII", 0xFF, 0xFF00, 0xFF0000, 0xFF000000), size=124))
# Pillow reads no masks of ten bits: x 255 / 1023, rounded down, as it does with five and six.
ten = np.stack([(quad >> s & 1023).astype(np.int64) * 255 // 1023 for s in (20, 10, 0)], -1)[::-1]
add("masks-10.bmp", bmp(6, 5, 32, 3, quad.tobytes(), masks=struct.pack("<III", 1023 << 20, 1023 << 10, 1023)), ten)


def runs(line, bits):
    """A row as runs of at least three equal pixels, and what is between them as it is."""
    out, at = b"", 0
    while at < len(line):
        end = at
        while end < len(line) and line[end] == line[at]:
            end += 1
        if end - at >= 3:
            value = int(line[at])
            out += bytes((end - at, value if bits == 8 else value << 4 | value))
        else:
            end = at + 1
            while end < len(line) and end - at < 8 and not (end + 2 < len(line) and line[end] == line[end + 1] == line[end + 2]):
                end += 1
            part = [int(v) for v in line[at:end]]
            if len(part) < 3:
                out += b"".join(bytes((1, v if bits == 8 else v << 4)) for v in part)
            else:
                body = bytes(part) if bits == 8 else bytes(a << 4 | b for a, b in zip(part[::2], (part + [0])[1::2]))
                out += bytes((0, len(part))) + body + bytes(len(body) % 2)
        at = end
    return out + b"\0\0"


for bits in (8, 4):
    body = b"".join(runs(line, bits) for line in index[::-1])
    # Pillow reads odd counts of four bits wrongly.
    add(f"runs-{bits}.bmp", bmp(13, 9, bits, 1 if bits == 8 else 2, body + b"\0\1", quads, colors=16), colors[index])
body = bytes((4, 3, 0, 2, 3, 2, 5, 7, 0, 0, 0, 4, 1, 2, 3, 4, 0, 1))
jumps = np.zeros((9, 13), int)
jumps[8, :4], jumps[6, 7:12], jumps[5, :4] = 3, 7, (1, 2, 3, 4)
add("jump.bmp", bmp(13, 9, 8, 1, body, quads, colors=16), colors[jumps])  # Pillow wants every row.

# GIF
for name, image, options in (
        ("palette", color.quantize(100), {}), ("interlaced", color.quantize(30), {"interlace": 1}), ("gray", gray, {}),
        ("two-colors", gray.convert("1"), {}), ("transparent", color.quantize(20), {"transparency": 4}),
        ("animated", color.quantize(20), {"save_all": True, "append_images": [color.transpose(Image.FLIP_TOP_BOTTOM).quantize(20)], "duration": 50}),
        ("noise", Image.fromarray(rng.integers(0, 256, (97, 131)).astype(np.uint8)), {})):
    add(f"{name}.gif", saved(image, "GIF", **{"interlace": 0, **options}))
part = bytearray(saved(color.quantize(16), "GIF", interlace=0))
frame = part.index(b"," + struct.pack("<HHHH", 0, 0, 37, 23))
part[frame + 1:frame + 5] = struct.pack("<HH", 3, 2)
part[6:10] = struct.pack("<HH", 45, 31)
add("frame.gif", bytes(part))
part[6:10] = struct.pack("<HH", 4, 4)
add("frame-larger.gif", bytes(part))
control = b"!\xF9\x04\x01\0\0\x07\0"
part[6:10] = struct.pack("<HH", 45, 31)
frame = part.index(b"," + struct.pack("<HHHH", 3, 2, 37, 23))
add("frame-transparent.gif", bytes(part[:frame] + control + part[frame:]))
colors_end = 13 + (3 << (part[10] & 7) + 1)
own = bytes(part[:10]) + bytes((part[10] & 0x7F,)) + bytes(part[11:13]) + bytes(part[colors_end:frame + 9])
add("own-palette.gif", own + bytes((0x80 | part[10] & 7,)) + bytes(part[13:colors_end]) + bytes(part[frame + 10:]))
add("no-palette.gif", own + bytes(part[frame + 9:]))
add("no-trailer.gif", saved(color.quantize(16), "GIF", interlace=0)[:-1])

# WebP
add("lossy.webp", saved(color, "WEBP", quality=80))
add("lossless.webp", saved(color, "WEBP", lossless=True))
add("alpha-lossy.webp", saved(clear, "WEBP", quality=70))
add("alpha-lossless.webp", saved(clear, "WEBP", lossless=True, exact=True))
add("orientation.webp", saved(color, "WEBP", quality=90, exif=exif))
for name, lossless in (("animated", False), ("animated-lossless", True)):
    flipped = color.transpose(Image.FLIP_TOP_BOTTOM)
    add(f"{name}.webp", saved(color, "WEBP", save_all=True, append_images=[flipped], lossless=lossless))


# A frame that is not the whole image, which Pillow does not write: what is free is black.
def chunk(name, body):
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def three(value):
    return struct.pack("<I", value)[:3]


still = saved(color, "WEBP", lossless=True)[12:]
frame = three(2) + three(3) + three(36) + three(22) + three(40) + b"\0" + still
for extra in (b"", chunk(b"XYZW", b"abc")):
    content = b"WEBP" + chunk(b"VP8X", b"\2\0\0\0" + three(49) + three(39)) + chunk(b"ANIM", bytes(6)) + chunk(b"ANMF", frame[:16] + extra + still)
    canvas = np.zeros((40, 50, 3), np.uint8)
    canvas[6:29, 4:41] = np.array(color)
    add(f"frame-{len(extra)}.webp", b"RIFF" + struct.pack("<I", len(content)) + content, canvas)

# TIFF
for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "tiff_deflate"):
    add(f"packed-{compression}.tif", saved(color, "TIFF", compression=compression))
for compression in ("group3", "group4", "raw", "packbits"):
    add(f"bits-{compression}.tif", saved(gray.convert("1"), "TIFF", compression=compression))
add("jpeg.tif", saved(color, "TIFF", compression="jpeg", quality=90))
add("gray.tif", saved(gray, "TIFF"))
add("gray-jpeg.tif", saved(gray, "TIFF", compression="jpeg", quality=90))
add("palette.tif", saved(color.quantize(77), "TIFF", compression="tiff_lzw"))
add("alpha.tif", saved(clear, "TIFF", compression="tiff_lzw"))
add("gray-alpha.tif", saved(Image.fromarray(scene(21, 14, 2), "LA"), "TIFF"))
add("inks.tif", saved(Image.fromarray(scene(21, 14, 4), "CMYK"), "TIFF"))
# Pillow 9.4 turns it when it is loaded, and exif_transpose turns it again.
turned = saved(color, "TIFF", exif=exif)
add("orientation.tif", turned, np.array(Image.open(io.BytesIO(turned)).convert("RGB")))
add("pages.tif", saved(color, "TIFF", save_all=True, append_images=[gray]))
deep = rng.integers(0, 65536, (9, 14)).astype(np.uint16)
add("gray-16.tif", saved(Image.fromarray(deep), "TIFF"), np.repeat((deep >> 8)[:, :, None], 3, 2))


def tiff(order, tags, body):
    """One directory; values of more than four bytes lie behind it, then the pixels."""
    tags = {**tags, 273: ("I", [0])}
    start = 8 + 2 + 12 * len(tags) + 4
    extra = b""
    places = {}
    for tag, (kind, values) in tags.items():
        data = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(data) > 4:
            places[tag] = start + len(extra)
            extra += data + bytes(len(data) % 2)
    entries = b""
    offsets = np.cumsum([0] + list(tags[279][1]))[:-1] + start + len(extra)
    if len(offsets) > 1:
        offsets = offsets + 4 * len(offsets)
        places[273] = start + len(extra)
        extra += struct.pack(f"{order}{len(offsets)}I", *offsets)
    tags[273] = ("I", [int(o) for o in offsets])
    for tag in sorted(tags):
        kind, values = tags[tag]
        data = struct.pack(f"{order}I", places[tag]) if tag in places else struct.pack(f"{order}{len(values)}{kind}", *values).ljust(4, b"\0")
        entries += struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[kind], len(values)) + data
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    return head + entries + bytes(4) + extra + body


def tags(width, height, bits, color_kind, samples, counts, rows_per_strip, planar=1, **more):
    return {256: ("I", [width]), 257: ("I", [height]), 258: ("H", [bits] * samples), 259: ("H", [1]), 262: ("H", [color_kind]), 277: ("H", [samples]),
            278: ("I", [rows_per_strip]), 279: ("I", counts), 284: ("H", [planar]), **{int(k[1:]): ("H", v) for k, v in more.items()}}


pixels = scene(15, 10, 3)
deep = rng.integers(0, 65536, (10, 15, 3))
add("big-endian.tif", tiff(">", tags(15, 10, 8, 2, 3, [450], 10), pixels.tobytes()))
add("strips.tif", tiff("<", tags(15, 10, 8, 2, 3, [180, 180, 90], 4), pixels.tobytes()))
add("planes.tif", tiff("<", tags(15, 10, 8, 2, 3, [150, 150, 150], 10, planar=2), pixels.transpose(2, 0, 1).tobytes()))
add("deep.tif", tiff("<", tags(15, 10, 16, 2, 3, [900], 10), deep.astype("<u2").tobytes()), deep >> 8)
add("deep-big-endian.tif", tiff(">", tags(15, 10, 16, 2, 3, [900], 10), deep.astype(">u2").tobytes()), deep >> 8)
four = scene(15, 10, 4)
add("multiplied.tif", tiff("<", tags(15, 10, 8, 2, 4, [600], 10, t338=[1]), four.tobytes()))
add("unmultiplied.tif", tiff("<", tags(15, 10, 8, 2, 4, [600], 10, t338=[2]), four.tobytes()))
# Pillow has no planes with multiplied colors: as in one plane.
expected = np.array(Image.open(io.BytesIO(archive.read("multiplied.tif"))).convert("RGB"))
add("multiplied-planes.tif", tiff("<", tags(15, 10, 8, 2, 4, [150] * 4, 10, planar=2, t338=[1]), four.transpose(2, 0, 1).tobytes()), expected)
grays = rng.integers(0, 16, (10, 14))
packed = bytes(int(a) << 4 | int(b) for a, b in zip(grays.reshape(-1)[::2], grays.reshape(-1)[1::2]))
add("gray-4.tif", tiff("<", tags(14, 10, 4, 1, 1, [70], 10), packed))
add("white-is-zero.tif", tiff("<", tags(14, 10, 4, 0, 1, [70], 10), packed))
add("white-is-zero-8.tif", tiff("<", tags(15, 10, 8, 0, 1, [150], 10), pixels[:, :, 0].tobytes()))
tiles = np.zeros((16, 32, 3), np.uint8)
wide = scene(27, 13, 3)
tiles[:13, :27] = wide
body = b"".join(np.ascontiguousarray(tiles[:, x:x + 16]).tobytes() for x in (0, 16))
tiled = {k: v for k, v in tags(27, 13, 8, 2, 3, [768, 768], 13).items() if k != 278}
# Tiles have tags of their own: 322 to 325 instead of 273, 278 and 279.
strips = tiff("<", {**tiled, 322: ("H", [16]), 323: ("H", [16])}, body)
entries = {}
for i in range(struct.unpack("<H", strips[8:10])[0]):
    entry = bytearray(strips[10 + 12 * i:22 + 12 * i])
    tag = struct.unpack("<H", entry[:2])[0]
    tag = {273: 324, 279: 325}.get(tag, tag)
    entries[tag] = struct.pack("<H", tag) + bytes(entry[2:])
add("tiles.tif", strips[:10] + b"".join(entries[t] for t in sorted(entries)) + strips[10 + 12 * len(entries):], wide)

# PNM
for name, image in (("color.ppm", color), ("gray.pgm", gray), ("bits.pbm", gray.convert("1"))):
    add(name, saved(image, "PPM"))
small = scene(7, 5, 3)
digits = " ".join(str(v) for v in small.reshape(-1))
add("digits.ppm", f"P3\n# a comment\n7 5\n255\n{digits}\n".encode())
add("digits.pgm", f"P2 7 5 # another\n 255 {' '.join(str(v) for v in small[:, :, 0].reshape(-1))}".encode())
bits = rng.integers(0, 2, (5, 9))
add("digits.pbm", ("P1\n9 5\n" + "\n".join("".join(str(v) for v in line) for line in bits)).encode())
add("most-100.ppm", b"P6 7 5 100\n" + (small % 101).astype(np.uint8).tobytes())
deep = rng.integers(0, 1001, (5, 7, 3))
add("most-1000.ppm", b"P6\n7\n5\n1000\n" + deep.astype(">u2").tobytes(), np.floor(deep * 255 / 1000 + 0.5))
archive.close()
