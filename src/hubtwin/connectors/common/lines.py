"""Bytes to lines of text, whatever the encoding and however the bytes were cut into chunks."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hubtwin.base.errors import Malformed

BLOCK_BYTES = 1 << 20  # what is held in memory at a time; also the longest line
_BOM_UTF8 = b"\xef\xbb\xbf"
_BOM_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_RAW_CHARS = 500


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no text: why (text key), and its start with what could not be read replaced."""

    reason: str
    raw: str


def text_lines(chunks: Iterable[bytes], name: str) -> Iterator[str | BadLine]:
    """Yield every line of a page with its line end, in order, a BadLine for one that is no text.

    UTF-8 (with or without byte order mark) or GB 18030; one encoding a page, decided by the lines of the first
    block that are not ASCII. Memory is bounded by BLOCK_BYTES plus one chunk. Raises Malformed for UTF-16.
    """
    encoding: str | None = None
    first = True
    for block in _blocks(chunks):
        if first:
            first = False
            if block.startswith(_BOM_UTF16):
                raise Malformed("connectors.common.encoding_unknown", file=name)
            if block.startswith(_BOM_UTF8):
                encoding = "utf-8"
                block = block[len(_BOM_UTF8) :]  # noqa: PLW2901
        if encoding is None and not block.isascii():
            encoding = _vote(block)
        yield from _decoded(block, encoding or "ascii")


def shown(raw: bytes | str) -> str:
    """Return the start of an input line for a steward's eyes: no line end, no NUL, at most 500 characters."""
    text = raw[: 4 * _RAW_CHARS].decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return text[:_RAW_CHARS].rstrip("\r\n").replace("\0", "\N{SYMBOL FOR NULL}")


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut into blocks of whole lines, the same however the chunks were cut.

    Of a line longer than a block only the first BLOCK_BYTES are given, which `_decoded` refuses by their length.
    """
    held = bytearray()
    skipping = False
    for chunk in chunks:
        held += chunk
        if skipping:
            end = held.find(b"\n")
            if end < 0:
                held.clear()
                continue
            del held[: end + 1]
            skipping = False
        while len(held) >= BLOCK_BYTES:
            cut = held.rfind(b"\n", 0, BLOCK_BYTES) + 1
            yield bytes(held[: cut or BLOCK_BYTES])
            if cut:
                del held[:cut]
                continue
            end = held.find(b"\n") + 1
            skipping = end == 0
            del held[: end or len(held)]
    if held:
        yield bytes(held)


def _vote(block: bytes) -> str | None:
    """Return the encoding that more of the lines that are not ASCII are valid in; None where none is in any.

    A line counts for GB 18030 only where it is not valid UTF-8: Chinese text in GB 18030 hardly ever is.
    """
    balance = 0
    voted = False
    for line in block.split(b"\n"):
        if line.isascii():
            continue
        if _is(line, "utf-8"):
            balance, voted = balance + 1, True
        elif _is(line, "gb18030"):
            balance, voted = balance - 1, True
    if not voted:
        return None
    return "utf-8" if balance >= 0 else "gb18030"


def _is(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(block: bytes, encoding: str) -> Iterator[str | BadLine]:
    if len(block) >= BLOCK_BYTES and b"\n" not in block:
        yield BadLine("connectors.common.line_too_long", shown(block))
        return
    if b"\0" not in block:
        try:
            text = block.decode(encoding)
        except UnicodeDecodeError:
            pass  # some line of the block: find out which, below
        else:
            yield from io.StringIO(text.removeprefix("\ufeff"), newline="\n")
            return
    for line in io.BytesIO(block):
        if b"\0" in line:
            yield BadLine("connectors.common.nul_byte", shown(line))
            continue
        try:
            yield line.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            yield BadLine("connectors.common.not_text", shown(line))
