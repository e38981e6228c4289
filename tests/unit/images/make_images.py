#!/usr/bin/env python3
"""Writes images.txt: small pictures of each format and colour type, and their pixels as Pillow reads them.

    pip install pillow numpy && python3 make_images.py > images.txt

A line each: name, file in hexadecimal, its 8x6 RGB pixels in hexadecimal ('-': a file that is to be refused).
Pillow clips 16-bit grey to white when it makes RGB of it; there the pixels are the high bytes, as OpenCV reads them.
"""
import io
import struct
import sys
import zlib

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 8, 6
random = np.random.default_rng(3)
RGB = random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GREY = RGB[:, :, 0]
ALPHA = random.choice(np.array([0, 1, 128, 255], dtype=np.uint8), (HEIGHT, WIDTH, 1))
SMOOTH = np.stack([np.add.outer(np.arange(HEIGHT) * a, np.arange(WIDTH) * b) % 256 for a, b in
                   ((20, 9), (7, 25), (31, 2))], axis=2).astype(np.uint8)
PALETTE = random.integers(0, 256, (16, 3), dtype=np.uint8)


def emit(name, file, rgb=None, refused=False):
    if refused:
        pixels = "-"
    else:
        if rgb is None:
            rgb = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
        assert rgb.shape == (HEIGHT, WIDTH, 3), (name, rgb.shape)
        pixels = rgb.astype(np.uint8).tobytes().hex()
    print(name, file.hex(), pixels)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_rows(values, bits):
    """Rows of PNG bytes, each with filter 0. `values`: height x width x samples."""
    rows = b""
    for row in values.reshape(values.shape[0], -1):
        if bits == 16:
            data = row.astype(">u2").tobytes()
        elif bits == 8:
            data = row.astype(np.uint8).tobytes()
        else:
            text = "".join(format(int(v), f"0{bits}b") for v in row)
            text += "0" * (-len(text) % 8)
            data = bytes(int(text[at:at + 8], 2) for at in range(0, len(text), 8))
        rows += b"\0" + data
    return rows


def png(values, bits, colour, interlaced=False, extra=()):
    values = values.reshape(HEIGHT, WIDTH, -1)
    if interlaced:
        passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
        parts = [values[y::dy, x::dx] for x, y, dx, dy in passes]
        data = b"".join(packed_rows(part, bits) for part in parts if part.size)
    else:
        data = packed_rows(values, bits)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, colour, 0, 0, int(interlaced))
    chunks = [chunk(b"IHDR", header), *(chunk(*one) for one in extra), chunk(b"IDAT", zlib.compress(data)),
              chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def pngs():
    grey, rgb, palette, grey_alpha, rgba = 0, 2, 3, 4, 6
    plte = (b"PLTE", PALETTE.tobytes())
    index = (GREY % 16)
    linear = (b"gAMA", struct.pack(">I", 100000))
    icc = (b"iCCP", b"profile\0\0" + zlib.compress(b"no profile at all"))
    rgb16 = random.integers(0, 65536, (HEIGHT, WIDTH, 3))
    grey16 = rgb16[:, :, 0]
    alpha16 = random.integers(0, 65536, (HEIGHT, WIDTH, 1))
    high = np.repeat((grey16 >> 8)[:, :, None], 3, axis=2)
    emit("rgb8.png", png(RGB, 8, rgb))
    emit("rgb8_of_linear_light.png", png(RGB, 8, rgb, extra=[linear]))
    emit("rgb8_srgb.png", png(RGB, 8, rgb, extra=[(b"sRGB", b"\0")]))
    emit("rgb8_broken_profile.png", png(RGB, 8, rgb, extra=[icc]))
    emit("rgb8_interlaced.png", png(RGB, 8, rgb, interlaced=True))
    emit("rgb8_one_colour_transparent.png", png(RGB, 8, rgb, extra=[(b"tRNS", RGB[0, 0].astype(">u2").tobytes())]))
    emit("rgb16.png", png(rgb16, 16, rgb))
    emit("rgb16_of_linear_light.png", png(rgb16, 16, rgb, extra=[linear]))
    emit("rgb16_interlaced.png", png(rgb16, 16, rgb, interlaced=True))
    emit("rgb16_doubled_bytes.png", png(RGB.astype(int) * 257, 16, rgb), RGB)
    emit("rgba8.png", png(np.concatenate([RGB, ALPHA], axis=2), 8, rgba))
    emit("rgba8_of_linear_light.png", png(np.concatenate([RGB, ALPHA], axis=2), 8, rgba, extra=[linear]))
    emit("rgba16.png", png(np.concatenate([rgb16, alpha16], axis=2), 16, rgba))
    for bits in (1, 2, 4, 8):
        values = GREY >> (8 - bits)
        emit(f"grey{bits}.png", png(values, bits, grey))
        emit(f"grey{bits}_interlaced.png", png(values, bits, grey, interlaced=True))
        shade = struct.pack(">H", int(values[0, 0]))
        emit(f"grey{bits}_one_shade_transparent.png", png(values, bits, grey, extra=[(b"tRNS", shade)]))
    emit("grey16.png", png(grey16, 16, grey), high)
    emit("grey16_interlaced.png", png(grey16, 16, grey, interlaced=True), high)
    emit("grey16_of_linear_light.png", png(grey16, 16, grey, extra=[linear]), high)
    emit("grey_alpha8.png", png(np.concatenate([GREY[:, :, None], ALPHA], axis=2), 8, grey_alpha))
    emit("grey_alpha16.png", png(np.concatenate([grey16[:, :, None], alpha16], axis=2), 16, grey_alpha), high)
    for bits in (1, 2, 4, 8):
        values = index & ((1 << bits) - 1)
        emit(f"palette{bits}.png", png(values, bits, palette, extra=[plte]))
    emit("palette4_interlaced.png", png(index, 4, palette, interlaced=True, extra=[plte]))
    emit("palette8_transparent.png", png(index, 8, palette, extra=[plte, (b"tRNS", bytes(range(0, 160, 10)))]))


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def without_adobe(jpeg):
    at = jpeg.index(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]:]


def jpegs():
    picture = Image.fromarray(SMOOTH)
    emit("rgb.jpg", saved(picture, "JPEG", quality=90, subsampling=0))
    emit("rgb_420.jpg", saved(picture, "JPEG", quality=90, subsampling=2))
    emit("progressive.jpg", saved(picture, "JPEG", quality=90, progressive=True))
    emit("stored_as_rgb.jpg", saved(picture, "JPEG", quality=90, keep_rgb=True))
    emit("grey.jpg", saved(picture.convert("L"), "JPEG", quality=90))
    turned = Image.Exif()
    turned[0x0112] = 6
    emit("says_it_is_turned.jpg", saved(picture, "JPEG", quality=90, exif=turned))
    cmyk = Image.fromarray(np.concatenate([SMOOTH, SMOOTH[:, :, :1] // 2], axis=2), "CMYK")
    file = saved(cmyk, "JPEG", quality=95)
    emit("cmyk.jpg", file)
    emit("cmyk_without_adobe.jpg", without_adobe(file))
    adobe = file.index(b"Adobe")
    ycck = file[:adobe + 11] + b"\2" + file[adobe + 12:]
    emit("ycck.jpg", ycck)


def webps():
    picture = Image.fromarray(RGB)
    emit("lossless.webp", saved(picture, "WEBP", lossless=True, exact=True))
    emit("lossless_alpha.webp", saved(Image.fromarray(np.concatenate([RGB, ALPHA], axis=2)), "WEBP", lossless=True,
                                      exact=True))
    emit("lossy.webp", saved(Image.fromarray(SMOOTH), "WEBP", quality=80))
    emit("animated.webp", saved(picture, "WEBP", save_all=True, append_images=[Image.fromarray(SMOOTH)]), refused=True)


def bmp(bits, rows, palette=b"", compression=0, masks=b"", top_down=False):
    """A BMP of the usual 40-byte header. `rows`: bytes of each row, the topmost first."""
    rows = [row + b"\0" * (-len(row) % 4) for row in rows]
    data = b"".join(rows if top_down else reversed(rows))
    offset = 14 + 40 + len(masks) + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, -HEIGHT if top_down else HEIGHT, 1, bits, compression, len(data),
                         2835, 2835, len(palette) // 4, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + masks + palette + data


def bmps():
    picture = Image.fromarray(RGB)
    emit("rgb24.bmp", saved(picture, "BMP"))
    emit("grey8.bmp", saved(picture.convert("L"), "BMP"))
    emit("two_colours.bmp", saved(picture.convert("1"), "BMP"))
    emit("palette8.bmp", saved(picture.quantize(16), "BMP"))
    palette = b"".join(bytes([b, g, r, 0]) for r, g, b in PALETTE)
    index = GREY % 16
    packed = [bytes(int(row[at]) << 4 | int(row[at + 1]) for at in range(0, WIDTH, 2)) for row in index]
    emit("palette4.bmp", bmp(4, packed, palette))
    bgrx = [np.concatenate([row[:, ::-1], np.zeros((WIDTH, 1), np.uint8)], axis=1).tobytes() for row in RGB]
    emit("rgb32.bmp", bmp(32, bgrx))
    emit("rgb32_top_down.bmp", bmp(32, bgrx, top_down=True))
    five = RGB.astype(int) >> 3
    rows = [(row[:, 0] << 10 | row[:, 1] << 5 | row[:, 2]).astype("<u2").tobytes() for row in five]
    emit("rgb555.bmp", bmp(16, rows))
    rows = [(row[:, 0] >> 3 << 11 | row[:, 1] >> 2 << 5 | row[:, 2] >> 3).astype("<u2").tobytes()
            for row in RGB.astype(int)]
    emit("rgb565.bmp", bmp(16, rows, compression=3, masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f)))
    emit("run_lengths.bmp", bmp(8, [b"\x08\x01\0\0"] * HEIGHT, palette, compression=1), refused=True)


def tiffs():
    picture = Image.fromarray(RGB)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        emit(f"rgb_{compression}.tif", saved(picture, "TIFF", compression=compression))
    emit("rgb_jpeg.tif", saved(Image.fromarray(SMOOTH), "TIFF", compression="jpeg", quality=90))
    emit("rgba.tif", saved(Image.fromarray(np.concatenate([RGB, ALPHA], axis=2)), "TIFF"))
    emit("grey8.tif", saved(picture.convert("L"), "TIFF"))
    emit("two_colours.tif", saved(picture.convert("1"), "TIFF"))
    emit("palette.tif", saved(picture.quantize(16), "TIFF"))
    cmyk = np.concatenate([SMOOTH, SMOOTH[:, :, :1] // 2], axis=2)
    emit("cmyk.tif", saved(Image.fromarray(cmyk, "CMYK"), "TIFF"))
    emit("grey16.tif", saved(Image.fromarray(GREY.astype(np.uint16) * 257), "TIFF"), np.repeat(GREY[:, :, None], 3, 2))
    emit("float.tif", saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), refused=True)


def netpbms():
    emit("rgb.ppm", saved(Image.fromarray(RGB), "PPM"))
    emit("grey.pgm", saved(Image.fromarray(GREY), "PPM"))
    emit("commented.ppm", b"P6 # made by hand\n8\n# two sizes\n6 255\n" + RGB.tobytes())
    emit("of_31_shades.pgm", b"P5 8 6 31\n" + (GREY >> 3).tobytes())
    emit("rgb16.ppm", b"P6 8 6 65535\n" + (RGB.astype(int) * 257).astype(">u2").tobytes(), RGB)
    emit("as_text.ppm", b"P3 8 6 255\n" + " ".join(map(str, RGB.reshape(-1))).encode(), refused=True)
    emit("first_picture.gif", saved(Image.fromarray(RGB).quantize(16), "GIF"), refused=True)


if sys.argv[1:]:
    sys.exit(__doc__)
for family in (pngs, jpegs, webps, bmps, tiffs, netpbms):
    family()
