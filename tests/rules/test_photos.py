"""Only pictures come through, and of a picture nothing but the picture."""

import struct
from contextlib import suppress

import pytest

from hubtwin.base.errors import Malformed
from hubtwin.rules.photos import MOST_BYTES, clean_photo


def segment(marker: int, body: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg(width: int = 8, height: int = 8, *extra: bytes, data: bytes = b"\x12\xff\x00\x34\xff\xd0\x56") -> bytes:
    """Return a file in the form of a JPEG: a frame, a scan with stuffed bytes and a restart, the end."""
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + data
    return b"\xff\xd8" + b"".join(extra) + segment(0xDB, b"\x00" * 65) + frame + scan + b"\xff\xd9"


EXIF = segment(0xE1, b"Exif\x00\x00GPS 30.29N 120.21E")
ADOBE = segment(0xEE, b"Adobe\x00d\x00\x00\x00\x00\x01")


def test_a_picture_stays_a_picture_without_where_and_with_what_it_was_taken() -> None:
    full = jpeg(8, 8, segment(0xE0, b"JFIF\x00" + b"\x00" * 9), EXIF, segment(0xFE, b"by Zhang San"), ADOBE)
    kept = clean_photo(full + b"PK\x03\x04 a zip behind it")
    assert kept == jpeg(8, 8, ADOBE)
    assert clean_photo(kept) == kept
    assert b"GPS" not in kept


@pytest.mark.parametrize("more", [b"\x01GPS 30.29N 120.21E", b""])
def test_what_says_how_colours_are_meant_says_nothing_else(more: bytes) -> None:
    padded = segment(0xEE, ADOBE[4:] + more)
    assert clean_photo(jpeg(8, 8, padded)) == jpeg(8, 8, ADOBE)
    for other in (b"Ducky GPS 30.29N 120.21E", b"Adobe"):
        assert clean_photo(jpeg(8, 8, segment(0xEE, other))) == jpeg()


def test_a_scan_of_several_passes_and_fill_bytes_are_read() -> None:
    second = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x01\x02"
    progressive = jpeg(data=b"\x09\xff\x00" + segment(0xC4, b"\x00" * 20) + second)
    assert clean_photo(progressive) == progressive
    assert clean_photo(jpeg().replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1)) == jpeg()


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "rules.photo_type"),
        (b"PK\x03\x04 zip", "rules.photo_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "rules.photo_type"),
        (b"\x89PNG\r\n\x1a\n", "rules.photo_type"),
        (b"GIF89a", "rules.photo_type"),
        (b"\xff\xd8\xff", "rules.photo_broken"),
        (b"\xff\xd8\xff\xd9", "rules.photo_broken"),
        (jpeg()[:-2], "rules.photo_broken"),
        (jpeg(0, 8), "rules.photo_broken"),
        (jpeg(5000, 8), "rules.photo_pixels"),
        (jpeg().replace(struct.pack(">H", 67), b"\x00\x01", 1), "rules.photo_broken"),
        (b"\xff\xd8\xff" + b"\x00" * MOST_BYTES, "rules.photo_large"),
    ],
)
def test_anything_else_is_refused_and_said_why(content: bytes, key: str) -> None:
    with pytest.raises(Malformed) as refused:
        clean_photo(content)
    assert refused.value.key == key


def test_no_cut_and_no_flipped_byte_makes_it_fall_over() -> None:
    whole = jpeg(8, 8, EXIF)
    for at in range(len(whole)):
        for mangled in (whole[:at], whole[:at] + bytes((whole[at] ^ 0x55,)) + whole[at + 1 :]):
            with suppress(Malformed):
                assert clean_photo(mangled)[:2] == b"\xff\xd8"
