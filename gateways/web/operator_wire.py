"""What operators send and get about garages and their tokens.

Unknown fields are refused: a misspelt one must not silently mean its default. Spans of time are whole
seconds, money is whole fen.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateways.calendars import calendar_of
from gateways.tariff_tables import TariffTable, built
from parking.garage import Barrier, Direction, LeaveFirst, Policy
from parking.language import Language
from parking.plate import Colour
from parking.tariff import Tariff, TariffVersion, check_admissible
from settlement.books.tokens import TokenKind
from settlement.plausible import Position

__all__ = [
    "PRINTABLE",
    "Fen",
    "GarageIn",
    "GarageOut",
    "GaragesOut",
    "Label",
    "Name",
    "OccupancyOut",
    "PlateColourQuery",
    "PlateIn",
    "PlateNumber",
    "PlateQuery",
    "PolicyIn",
    "PositionIn",
    "TariffIn",
    "TariffOut",
    "TokenIn",
    "TokenMade",
    "TokenOut",
    "TokensOut",
    "Wire",
]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
"""The books cannot hold all control characters, and no name needs one."""
Label = Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)]
Fen = Annotated[int, Field(ge=0, le=10**12)]
MICRODEGREES = 1_000_000
Seconds = Annotated[int, Field(ge=0, le=7 * 86_400)]
PlateNumber = Annotated[str, Field(min_length=1, max_length=32, examples=["浙A12345"])]


class Wire(BaseModel):
    """Every message."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PlateIn(Wire):
    """A plate; spellings of the same plate are equal."""

    number: PlateNumber
    colour: Colour = Colour.UNKNOWN


class PlateQuery(Wire):
    """Which plate."""

    plate: PlateNumber


class PlateColourQuery(Wire):
    """The colour of a plate whose number is in the path."""

    colour: Colour = Colour.UNKNOWN


class PolicyIn(Wire):
    """A garage's choices; what is left out has its default.

    ``language`` is what drivers are told in at all lanes, unless they chose another; null: each lane's.
    """

    leave_first: LeaveFirst = LeaveFirst.GRANTED_ONLY
    everyone_limit_fen: Fen = 10_000
    outage: Barrier = Barrier.OPEN
    no_entry: Barrier = Barrier.HOLD
    low_confidence: Barrier = Barrier.OPEN
    confidence_bar_permille: Annotated[int, Field(ge=0, le=1000)] = 700
    match_misreads: bool = True
    language: Language | None = None
    duplicate_entry_within_s: Seconds = 900
    turn_back_within_s: Seconds = 900
    prepaid_exit_within_s: Seconds = 900

    def policy(self) -> Policy:
        """As the gates have it."""
        return Policy(
            leave_first=self.leave_first,
            everyone_limit_fen=self.everyone_limit_fen,
            outage=self.outage,
            no_entry=self.no_entry,
            low_confidence=self.low_confidence,
            confidence_bar_permille=self.confidence_bar_permille,
            match_misreads=self.match_misreads,
            language=self.language,
            duplicate_entry_within=timedelta(seconds=self.duplicate_entry_within_s),
            turn_back_within=timedelta(seconds=self.turn_back_within_s),
            prepaid_exit_within=timedelta(seconds=self.prepaid_exit_within_s),
        )

    @classmethod
    def of(cls, policy: Policy) -> PolicyIn:
        """The inverse of :meth:`policy`."""
        second = timedelta(seconds=1)
        return cls(
            leave_first=policy.leave_first,
            everyone_limit_fen=policy.everyone_limit_fen,
            outage=policy.outage,
            no_entry=policy.no_entry,
            low_confidence=policy.low_confidence,
            confidence_bar_permille=policy.confidence_bar_permille,
            match_misreads=policy.match_misreads,
            language=policy.language,
            duplicate_entry_within_s=policy.duplicate_entry_within // second,
            turn_back_within_s=policy.turn_back_within // second,
            prepaid_exit_within_s=policy.prepaid_exit_within // second,
        )


class TariffIn(TariffTable):
    """One version of a price list, and from when it prices new arrivals."""

    in_force_from: AwareDatetime
    tariff_id: str
    name: Label
    zone: str = "Asia/Shanghai"
    currency: str = "CNY"

    def version(self) -> TariffVersion:
        """The version; raises :class:`InvalidInput` for what cannot be a price."""
        tariff = built(self, Tariff, calendar_of(self.calendar))
        check_admissible(tariff)
        return TariffVersion(in_force_from=self.in_force_from, tariff=tariff)


class TariffOut(TariffIn):
    """A version as recorded; its id names its content on every bill."""

    tariff_version_id: str

    @classmethod
    def of(cls, version: TariffVersion) -> TariffOut:
        """The version as it is told."""
        return cls.model_validate(
            asdict(version.tariff)
            | {"in_force_from": version.in_force_from, "tariff_version_id": version.version_id}
        )


class PositionIn(Wire):
    """Where a garage is, in degrees of WGS 84."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]

    def position(self) -> Position:
        """As the books have it."""
        return Position(
            latitude_microdegrees=round(self.latitude * MICRODEGREES),
            longitude_microdegrees=round(self.longitude * MICRODEGREES),
        )

    @classmethod
    def of(cls, position: Position) -> PositionIn:
        """The inverse of :meth:`position`."""
        return cls(
            latitude=position.latitude_microdegrees / MICRODEGREES,
            longitude=position.longitude_microdegrees / MICRODEGREES,
        )


class GarageIn(Wire):
    """A garage; lanes that are not named any more are removed, a position that is ``null`` is forgotten.

    Left out, operator and position stay as they are. Where its position is known, a car cannot come here from
    another garage faster than roads allow.
    """

    name: Label
    spaces: Annotated[int, Field(ge=1, le=1_000_000)]
    lanes: Annotated[dict[Name, Direction], Field(min_length=1, max_length=500)]
    policy: PolicyIn = PolicyIn()
    operator_id: Annotated[
        Name, Field(description="Whose it is: debts reach over an operator's garages.")
    ] = "main"
    position: PositionIn | None = None


class GarageOut(GarageIn):
    """A garage as recorded; its gates know it once it has a tariff."""

    garage_id: str
    tariffs: list[TariffOut]


class GaragesOut(Wire):
    """All garages."""

    garages: list[GarageOut]


class OccupancyOut(Wire):
    """Cars inside now; free spaces are never below 0."""

    inside: int
    spaces: int
    free: int


class TokenIn(Wire):
    """A controller's token: which lanes of which garage it may speak for."""

    garage_id: Name
    controller_id: Name
    lane_ids: Annotated[set[Name], Field(min_length=1, max_length=500)]
    label: Label


class TokenMade(Wire):
    """A new token; this is the only time that it is shown."""

    token_id: str
    token: str


class TokenOut(Wire):
    """A token, without its secret."""

    token_id: str
    kind: TokenKind
    label: str
    added_at: datetime
    revoked_at: datetime | None
    garage_id: str | None
    controller_id: str | None
    lane_ids: list[str]
    merchant_id: str | None


class TokensOut(Wire):
    """All tokens."""

    tokens: list[TokenOut]
