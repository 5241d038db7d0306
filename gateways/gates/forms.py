"""Forms as devices send them, multipart or urlencoded, with limits."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from parking.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Part", "disposition", "form_fields", "media_type", "multipart_parts", "picture_from_base64"]

PARTS_MAX: Final = 64
FIELDS_MAX: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a multipart body."""

    name: str
    filename: str
    content_type: str
    body: bytes


def media_type(headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """The media type of a request, in lower case, and its parameters."""
    kind, parameters = parse_options_header(headers.get("content-type", ""))
    return kind.strip().lower(), parameters


def disposition(header: str) -> tuple[str, str]:
    """The name and the file's name in a ``Content-Disposition``, empty where it has none."""
    _, parameters = parse_options_header(header)
    return parameters.get("name", ""), parameters.get("filename", "")


def multipart_parts(body: bytes, boundary: str) -> list[Part]:
    """The parts of a form; raises :class:`InvalidInput` for what is none."""
    parts: list[Part] = []
    segment: MultipartSegment | None = None
    pieces: list[bytes] = []
    try:
        with PushMultipartParser(boundary, content_length=len(body), max_segment_count=PARTS_MAX) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    segment, pieces = event, []
                elif event is not None:
                    pieces.append(bytes(event))
                elif segment is not None:
                    parts.append(
                        Part(
                            name=segment.name,
                            filename=segment.filename or "",
                            content_type=segment.content_type or "",
                            body=b"".join(pieces),
                        )
                    )
    except (MultipartError, UnicodeError) as error:
        raise InvalidInput("not a multipart form", ("body",)) from error
    return parts


def form_fields(headers: Mapping[str, str], body: bytes, *, charset: str = "utf-8") -> dict[str, str]:
    """The fields of a form of either kind; of a name given twice the first counts.

    Raises :class:`InvalidInput` for another media type and for what cannot be read.
    """
    kind, parameters = media_type(headers)
    try:
        if kind == "multipart/form-data":
            parts = multipart_parts(body, parameters.get("boundary", ""))
            pairs = [(part.name, part.body.decode(charset)) for part in parts]
        elif kind == "application/x-www-form-urlencoded":
            text = body.decode(charset)
            pairs = parse_qsl(
                text, keep_blank_values=True, encoding=charset, errors="strict", max_num_fields=FIELDS_MAX
            )
        else:
            raise InvalidInput("neither a multipart nor a urlencoded form", ("content-type",))
    except ValueError as error:
        raise InvalidInput("the form cannot be read", ("body",)) from error
    return dict(reversed(pairs))


def picture_from_base64(text: str) -> bytes:
    """What is no base64 is no picture; that is found where pictures are kept."""
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""
