"""Whose stay is not ordinary: passes, exemptions, coupons, payers inside, cars without a plate.

Pure. They are chosen among cars that are ordinary otherwise and whose day no outage touches, so that each
kind is what it is called: of two cars on one place the second pays as a visitor, a coupon is given to a car
that is inside, whoever pays inside leaves within the block that was paid, and who has no plate has a token
before the entry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from gateways.demo.drivers import WITHOUT_ACCOUNT, WITHOUT_PLATE, Driver, Incident, account_of
from gateways.demo.steps import Give, LoseToken, Prepay, Step, TakeToken
from gateways.demo.traffic import BLOCK, DAY, FREE_MINUTES
from parking.plate import UNREADABLE, Colour, Plate, VehicleClass, parse_plate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from gateways.demo.car import Car
    from parking.event import GateEvent
    from parking.ids import GarageId

__all__ = ["EXEMPT_CLASS", "SharedPass", "passes_of", "steps_besides", "with_privileges"]

EXEMPT_CLASS: Final = VehicleClass.POLICE
SHARES: Final = {
    Driver.PAYS_INSIDE: 0.01,
    Driver.EXEMPT_CLASS: 0.002,
    Driver.EXEMPT_LISTED: 0.003,
    Driver.PASS: 0.02,
    Driver.COUPON: 0.02,
    Driver.TOKEN: 0.003,
    Driver.TOKEN_LOST: 0.001,
}
"""Of all cars, the narrowest choice first."""
PAIRS: Final = 0.002
"""Two plates on one place, of all cars."""
QUIET: Final = (DAY + timedelta(hours=16.5), DAY + timedelta(hours=18.5))
"""Who has left before, or comes after: between lies whatever outage is asked for."""
APART: Final = timedelta(minutes=5)
PAID_BEFORE: Final = timedelta(minutes=2)
TOKEN_BEFORE: Final = timedelta(seconds=20)
FOUND_BEFORE: Final = timedelta(minutes=3)
"""Before the exit an attendant finds the entry of a car whose token is lost."""
IN_BLOCK: Final = (timedelta(minutes=3), timedelta(minutes=24))
"""How far into a block a payer inside leaves: then he pays within the same one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPass:
    """A pass of some plates, with fewer places where they share."""

    pass_id: str
    garage_id: GarageId
    plates: tuple[Plate, ...]
    places: int = 1


def with_privileges(cars: Sequence[Car], interrupted: Sequence[tuple[datetime, datetime]]) -> list[Car]:
    """The same cars, some with another driver; who leaves while a line is ``interrupted`` stays as he is."""
    chosen = {
        car.place: car
        for car in cars
        if car.driver is Driver.REGISTERED
        and car.incident is Incident.NOTHING
        and _is_quiet(car, interrupted)
    }
    found: dict[int, Driver] = {}
    for first, second in _pairs(list(chosen.values()), max(1, round(len(cars) * PAIRS))):
        found |= {first.place: Driver.PASS_SHARED, second.place: Driver.PASS_SURPLUS}
    for driver, share in SHARES.items():
        fit = _fit(driver)
        left = [one for place, one in chosen.items() if place not in found and fit(one)]
        wanted = max(1, round(len(cars) * share))
        spread = left[:: max(1, len(left) // wanted)][:wanted]
        found |= {one.place: driver for one in spread}
    return [_as(car, found[car.place]) if car.place in found else car for car in cars]


def passes_of(cars: Sequence[Car]) -> list[SharedPass]:
    """The passes of the day."""
    surplus = iter([car for car in cars if car.driver is Driver.PASS_SURPLUS])
    passes = []
    for car in cars:
        if car.driver in {Driver.PASS, Driver.PASS_SHARED}:
            more = (next(surplus).plate,) if car.driver is Driver.PASS_SHARED else ()
            passes.append(
                SharedPass(pass_id=f"pass-{car.place}", garage_id=car.garage_id, plates=(car.plate, *more))
            )
    return passes


def steps_besides(car: Car, came: GateEvent) -> Iterator[Step]:
    """What its driver does besides entry and exit."""
    visit = car.visit
    if car.driver is Driver.COUPON:
        yield Step(
            at=visit.entered_at + (visit.left_at - visit.entered_at) / 2, car=car.place, act=Give(event=came)
        )
    elif car.driver is Driver.PAYS_INSIDE:
        yield Step(at=visit.left_at - PAID_BEFORE, car=car.place, act=Prepay(event=came))
    elif car.driver in WITHOUT_PLATE:
        account_id = None if car.driver in WITHOUT_ACCOUNT else account_of(car.place)
        take = TakeToken(event=came, account_id=account_id)
        yield Step(at=visit.entered_at - TOKEN_BEFORE, car=car.place, act=take)
        if car.driver is Driver.TOKEN_LOST:
            yield Step(at=visit.left_at - FOUND_BEFORE, car=car.place, act=LoseToken(event=came))


def _is_quiet(car: Car, interrupted: Sequence[tuple[datetime, datetime]]) -> bool:
    visit = car.visit
    outside = visit.left_at < QUIET[0] or visit.entered_at > QUIET[1]
    return outside and not any(start <= visit.left_at < end for start, end in interrupted) and _pays(car)


def _pays(car: Car) -> bool:
    return car.visit.left_at - car.visit.entered_at > timedelta(minutes=FREE_MINUTES + 2)


def _fit(driver: Driver) -> Callable[[Car], bool]:
    return _leaves_within_block if driver is Driver.PAYS_INSIDE else _pays


def _leaves_within_block(car: Car) -> bool:
    return IN_BLOCK[0] <= (car.visit.left_at - car.visit.entered_at) % BLOCK <= IN_BLOCK[1]


def _pairs(cars: Sequence[Car], wanted: int) -> Iterator[tuple[Car, Car]]:
    """Cars of one garage of which the second comes while the first is there, in the order of both."""
    taken: set[int] = set()
    for first, second in pairwise(cars):
        if len(taken) == 2 * wanted:
            return
        together = first.visit.entered_at + APART < second.visit.entered_at < first.visit.left_at - APART
        if together and first.garage_id == second.garage_id and first.place not in taken:
            taken |= {first.place, second.place}
            yield first, second


def _as(car: Car, driver: Driver) -> Car:
    if driver in WITHOUT_PLATE:
        # A name of the plan's own: the token that the driver gets says another one.
        unnamed = Plate(number=f"{UNREADABLE}{car.place}", colour=Colour.UNKNOWN)
        return replace(car, driver=driver, plate=unnamed)
    if driver is not Driver.EXEMPT_CLASS:
        return replace(car, driver=driver)
    plate = parse_plate(f"浙A{car.place % 10_000:04d}警", Colour.WHITE)
    return replace(car, driver=driver, plate=plate)
