"""Display and voice boards behind cameras: what is to be shown and said, as the frames of a board's family.

A camera passes frames on to its RS-485 line unread. Two families are found behind most Chinese cameras:

``aa55`` ``AA 55 | number | 64 | 00 | command | length, 2 | data | CRC, high byte first | AF``. Command 27
shows a line for some seconds (line, seconds, colour, 0, text), 22 speaks. The CRC is worked out with two zero
bytes in its place. ``64ff`` ``00 64 FF FF | command | length, 1 | data | CRC, low byte first``. Command 62
shows a line for some seconds, 30 speaks.

Both take GBK text and the CRC of Modbus. Not certain: boards of the first family exist that know phrases by
number only, and speak no text; how bright a colour a line can have differs by model, so all lines are sent in
the colour that every board has, red. Frames are checked against recorded ones in the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["BOARDS", "aa55_frame", "ff64_frame"]

LINES_MAX: Final = 4
TEXT_MAX: Final = 120
"""Bytes of one line or sentence: what fits into the shorter of both length fields."""
SHOWN_S: Final = 15
RED: Final = 1
AA55_SHOW: Final = 0x27
AA55_SPEAK: Final = 0x22
FF64_SHOW: Final = 0x62
FF64_SPEAK: Final = 0x30
FF64_STYLE: Final = bytes.fromhex("15 01 00 02 15 01 03 00 FF 00 00 00 00 00 00 00")
"""How a line comes in, stays and goes, font and colour; as recorded."""


def _aa55(lines: Sequence[str], speech: str) -> tuple[bytes, ...]:
    shown = [
        aa55_frame(number, AA55_SHOW, bytes([number, SHOWN_S, RED, 0]) + _gbk(line))
        for number, line in enumerate(lines[:LINES_MAX], start=1)
    ]
    spoken = [aa55_frame(len(shown) + 1, AA55_SPEAK, _gbk(speech))] if speech else []
    return (*shown, *spoken)


def aa55_frame(number: int, command: int, data: bytes) -> bytes:
    """One frame of the first family; ``number`` tells a board that it is another one."""
    body = bytes([number & 0xFF, 0x64, 0, command]) + len(data).to_bytes(2) + data
    return b"\xaa\x55" + body + _crc(body + bytes(2)).to_bytes(2) + b"\xaf"


def _ff64(lines: Sequence[str], speech: str) -> tuple[bytes, ...]:
    shown = [
        ff64_frame(FF64_SHOW, bytes([number]) + FF64_STYLE + len(text).to_bytes(2, "little") + text)
        for number, text in enumerate(map(_gbk, lines[:LINES_MAX]))
    ]
    spoken = [ff64_frame(FF64_SPEAK, b"\x01" + _gbk(speech))] if speech else []
    return (*shown, *spoken)


def ff64_frame(command: int, data: bytes) -> bytes:
    """One frame of the second family."""
    body = bytes([0, 0x64, 0xFF, 0xFF, command, len(data)]) + data
    return body + _crc(body).to_bytes(2, "little")


BOARDS: Final[Mapping[str, Callable[[Sequence[str], str], tuple[bytes, ...]]]] = {
    "aa55": _aa55,
    "64ff": _ff64,
}
"""By family: lines to show and a sentence to speak, as frames."""


def _gbk(text: str) -> bytes:
    """Whole signs only; what GBK cannot write becomes a question mark."""
    encoded = b""
    for sign in text:
        more = sign.encode("gbk", errors="replace")
        if len(encoded) + len(more) > TEXT_MAX:
            break
        encoded += more
    return encoded


def _crc(data: bytes) -> int:
    """CRC-16 of Modbus."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc
