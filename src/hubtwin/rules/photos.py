"""Photos as they may be kept: JPEG only, looked at byte by byte, without anything that says where and with what.

A JPEG is a row of segments (ITU-T T.81, annex B). What a picture needs is copied; application segments (Exif with the
position, XMP, colour profiles, thumbnails), comments and whatever follows the end of the picture are not.
"""

from collections.abc import Iterator

from hubtwin.base.errors import Malformed

PHOTO_TYPE = "image/jpeg"
MOST_BYTES = 2 * 1024 * 1024  # the page sends about a fifth of it; ours, no source
MOST_PIXELS = 4096  # a side
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_APP0, _APP15, _COMMENT = 0xE0, 0xEF, 0xFE
_ADOBE = 0xEE  # application segment 14 says how colours are meant: without it some pictures turn green
_ADOBE_BYTES = 14  # of it, its length included, that say so; whatever follows them is not for the picture
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # start of frame: B.2.2
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length: B.1.1.3


def clean_photo(content: bytes) -> bytes:
    """Return a JPEG with nothing in it but its picture. Raises Malformed for anything else, however it calls itself."""
    if len(content) > MOST_BYTES:
        raise Malformed("rules.photo_large", most_kb=MOST_BYTES // 1024)
    if content[:3] != bytes((0xFF, _START, 0xFF)):
        raise Malformed("rules.photo_type")
    kept, sized = bytearray((0xFF, _START)), False
    for marker, segment in _segments(content):
        if marker in _FRAMES:
            sized = _is_sized(segment)
        if marker == _ADOBE and segment[4:9] == b"Adobe" and len(segment) >= 2 + _ADOBE_BYTES:
            kept += segment[:2] + _ADOBE_BYTES.to_bytes(2, "big") + segment[4 : 2 + _ADOBE_BYTES]
        elif not _APP0 <= marker <= _APP15 and marker != _COMMENT:
            kept += segment
        if marker == _END:
            if not sized:
                break
            return bytes(kept)
    raise Malformed("rules.photo_broken")


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and the bytes of each segment; a scan comes with its coded data."""
    at = 2
    while at + 4 <= len(content) or content[at : at + 2] == bytes((0xFF, _END)):
        if content[at] != 0xFF:
            return
        marker = content[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker == _END or marker in _ALONE:
            yield marker, content[at : at + 2]
            at += 2
            if marker == _END:
                return
            continue
        until = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if until > len(content) or until < at + 4:
            return
        if marker == _SCAN:
            until = _end_of_scan(content, until)
        yield marker, content[at:until]
        at = until


def _end_of_scan(content: bytes, at: int) -> int:
    """Return where the next marker after coded data begins: 0xFF that no zero and no restart number follows."""
    while (at := content.find(b"\xff", at)) >= 0 and at + 1 < len(content):
        if content[at + 1] != 0 and content[at + 1] not in _ALONE:
            return at
        at += 2
    return len(content)


def _is_sized(segment: bytes) -> bool:
    if len(segment) < 9:
        return False
    height, width = (int.from_bytes(segment[at : at + 2], "big") for at in (5, 7))
    if max(height, width) > MOST_PIXELS:
        raise Malformed("rules.photo_pixels", most=MOST_PIXELS)
    return min(height, width) > 0
