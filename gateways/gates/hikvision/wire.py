"""Hikvision's alerts as XML.

Namespaces differ by firmware, so elements are known by their local names. Within ``ANPR`` a
``PlateInfoList`` repeats fields, there often as "unknown": the first in the document counts. XML comes from a
device on somebody's network, so a document type, which nothing of this needs, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from parking.errors import InvalidInput

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["Alert", "Anpr", "alert_from", "status_from"]

XML_BYTES_MAX: Final = 256 * 1024
TEXT_MAX: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Anpr:
    """One plate read, each field as the device wrote it and empty where it is missing."""

    license_plate: str
    original_plate: str
    direction: str
    confidence_level: str
    plate_colour: str
    char_believe: str
    gate_control: str
    data_type: str
    picture_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One ``EventNotificationAlert``; ``anpr`` where it is a plate read."""

    event_type: str
    event_state: str
    date_time: str
    mac_address: str
    channel: str
    uuid: str
    anpr: Anpr | None


def alert_from(body: bytes) -> Alert:
    """The alert of a document; raises :class:`InvalidInput` for anything else."""
    root = _parsed(body)
    if _local(root) != "EventNotificationAlert":
        raise InvalidInput("not an EventNotificationAlert", ("body",))
    own = {_local(child): _text(child) for child in reversed(root)}
    anpr = next((child for child in root if _local(child) == "ANPR"), None)
    return Alert(
        event_type=own.get("eventType", ""),
        event_state=own.get("eventState", ""),
        date_time=own.get("dateTime", ""),
        mac_address=own.get("macAddress", ""),
        channel=own.get("channelID", "") or own.get("dynChannelID", ""),
        uuid=own.get("UUID", ""),
        anpr=None if anpr is None else _anpr(anpr),
    )


def status_from(body: bytes, name: str) -> str:
    """The first element ``name`` of a device's answer, empty where there is none or no XML at all."""
    try:
        return _first(_parsed(body), name)
    except InvalidInput:
        return ""


def _anpr(anpr: Element) -> Anpr:
    return Anpr(
        license_plate=_first(anpr, "licensePlate"),
        original_plate=_first(anpr, "originalLicensePlate"),
        direction=_first(anpr, "direction"),
        confidence_level=_first(anpr, "confidenceLevel"),
        plate_colour=_first(anpr, "plateColor"),
        char_believe=_first(anpr, "plateCharBelieve"),
        gate_control=_first(anpr, "barrierGateCtrlType"),
        data_type=_first(anpr, "alarmDataType"),
        picture_id=_first(anpr, "pId"),
    )


def _parsed(body: bytes) -> Element:
    if len(body) > XML_BYTES_MAX:
        raise InvalidInput("too large for an alert", ("body",))
    try:
        return fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidInput("not the XML of a device", ("body",)) from error


def _first(element: Element, name: str) -> str:
    return next((_text(each) for each in element.iter() if _local(each) == name), "")


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: Element) -> str:
    return (element.text or "").strip()[:TEXT_MAX]
