"""The parts of an alert stream, ``multipart/mixed`` without an end, as they arrive.

Not the libraries' readers: those wait for the next boundary to know that a part is whole, which here comes
with the next alert. A part ends by its length; without one an alert ends by its own last tag, and a picture
where the next part begins. Firmware differs in whether the line end before a boundary is counted, and in
whether the declared boundary has the dashes of its lines; so what stands between a part and the next boundary
is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateways.gates.forms import Part, disposition
from parking.errors import InvalidInput

__all__ = ["StreamParts"]

HEAD_BYTES_MAX: Final = 8 * 1024
ALERT_BYTES_MAX: Final = 256 * 1024
PICTURE_BYTES_MAX: Final = 4 * 1024 * 1024
"""A larger part is passed over; its alert is kept."""
PICTURE: Final = "image/"
ALERT_END: Final = b"</EventNotificationAlert>"
NUMERALS_MAX: Final = 10


@dataclass(slots=True)
class Head:
    """Of the part that is being read; ``length`` is ``None`` where it does not say."""

    name: str
    filename: str
    content_type: str
    length: int | None


class StreamParts:
    """Takes bytes, gives parts; memory is bounded by the largest part."""

    def __init__(self, boundary: str) -> None:
        self._boundary = b"--" + boundary.lstrip("-").encode()
        self._buffer = bytearray()
        self._head: Head | None = None
        self._skipped = 0

    def feed(self, data: bytes) -> list[Part]:
        """The parts that are whole by now; raises :class:`InvalidInput` for what is no such stream.

        Whole parts before that are given first: it is raised for the bytes that come next.
        """
        self._buffer += data
        parts: list[Part] = []
        try:
            while (self._head is not None or self._begin()) and (part := self._end()) is not None:
                parts.append(part)
        except InvalidInput:
            if not parts:
                raise
        return parts

    def _begin(self) -> bool:
        """Find the next boundary and read the lines behind it."""
        place = self._buffer.find(self._boundary)
        if place < 0:
            del self._buffer[: max(0, len(self._buffer) - len(self._boundary))]
            return False
        del self._buffer[:place]
        ends = [
            (end, len(blank))
            for blank in (b"\r\n\r\n", b"\n\n")
            if (end := self._buffer.find(blank, 0, HEAD_BYTES_MAX)) >= 0
        ]
        if not ends:
            if len(self._buffer) >= HEAD_BYTES_MAX:
                raise InvalidInput("the head of a part has no end", ("body",))
            return False
        end, blank = min(ends)
        self._head = _head(bytes(self._buffer[:end]))
        self._skipped = 0
        del self._buffer[: end + blank]
        return True

    def _end(self) -> Part | None:
        """The part that began, if it is whole."""
        head = self._head
        if head is None:
            return None
        if head.length is None:
            end = self._unmeasured(picture=head.content_type.startswith(PICTURE))
            if end is None:
                return None
        elif head.length > PICTURE_BYTES_MAX:
            passed = min(len(self._buffer), head.length - self._skipped)
            del self._buffer[:passed]
            self._skipped += passed
            if self._skipped < head.length:
                return None
            end = 0
        else:
            end = head.length
            if len(self._buffer) < end:
                return None
        body = b"" if self._skipped else bytes(self._buffer[:end])
        del self._buffer[:end]
        self._head = None
        return Part(name=head.name, filename=head.filename, content_type=head.content_type, body=body)

    def _unmeasured(self, *, picture: bool) -> int | None:
        """Where a part ends that does not say how long it is; a picture that is too large is passed over."""
        place, alert = self._buffer.find(self._boundary), self._buffer.find(ALERT_END)
        if alert >= 0 and not 0 <= place < alert:
            return alert + len(ALERT_END)
        if place >= 0:
            return place
        if not picture and len(self._buffer) > ALERT_BYTES_MAX:
            raise InvalidInput("too large for an alert", ("body",))
        if self._skipped or len(self._buffer) > PICTURE_BYTES_MAX:
            passed = max(0, len(self._buffer) - len(self._boundary))
            del self._buffer[:passed]
            self._skipped += passed
        return None


def _head(lines: bytes) -> Head:
    fields: dict[str, str] = {}
    for line in lines.decode(errors="replace").splitlines()[1:]:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), value.strip())
    length = fields.get("content-length", "")
    known = length.isascii() and length.isdecimal() and len(length) <= NUMERALS_MAX
    name, filename = disposition(fields.get("content-disposition", ""))
    return Head(
        name=name,
        filename=filename,
        content_type=fields.get("content-type", "").partition(";")[0].strip().lower(),
        length=int(length) if known else None,
    )
