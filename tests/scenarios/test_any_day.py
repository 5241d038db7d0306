"""Days that nobody thought of: whatever may happen happens, in any order, on real stores.

Each day is drawn from its number: cars come, leave, turn back and are reported late, pay inside and get it
back, have coupons, passes and exemptions, owe, dispute and pay, change owners; people correct bills, and the
granter goes away and comes back. A step may be refused, as a caller's fault and in no other way. In the
end, and now and then on the way, every rule of ``verify`` holds, and a live store that is rebuilt from the
books would have the cars of the real one, with what they paid. A day that fails is printed as a table, which
can be shortened and kept among the others.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final
from uuid import UUID

import pytest
from typing_extensions import override

from parking.errors import CallerError, NotFound
from parking.ids import BillId, GarageId
from parking.plate import Colour, parse_plate
from settlement.books.archive import BookArchive
from settlement.books.prepayments import PrepaymentRefund
from tests.scenarios.table import Step
from tests.scenarios.test_coupons import CouponPlayer, broken
from tests.scenarios.town import OPERATORS, town

if TYPE_CHECKING:
    from collections.abc import Callable

    from parking.ids import SessionId
    from tests.scenarios.town import Town

STEPS: Final = 150
LOOKS: Final = 3
RARELY: Final = 0.1
PLATES: Final = ("浙A12345", "浙AD12345", "浙B00001", "浙C77777")
GARAGES: Final = tuple(OPERATORS)
OPENING: Final = (
    *(f"00:00 - register {plate}" for plate in PLATES[:3]),
    "00:00 - merchant budget=9000",
    "00:00 - template of=hour kind=minutes minutes=60 max=1000 stay=2",
    "00:00 - template of=five kind=amount fen=500 stay=2",
    "00:00 - template of=half kind=percent percent=50 max=600",
    "00:00 - template of=free kind=free_stay max=1000 valid=120",
    "00:00 - contest 浙B00001",
)


@pytest.mark.parametrize("number", range(6))
async def test_whatever_happens_the_books_are_right(postgres_dsn: str, valkey_url: str, number: int) -> None:
    async with town(postgres_dsn, valkey_url) as on:
        day, player = Day(Random(number)), AnyPlayer(on)
        for line in OPENING:
            await player.play(step_of(line))
        for place in range(1, STEPS + 1):
            await player.play(day.step(player))
            if place % (STEPS // LOOKS) == 0:
                assert await broken(on) == set(), player.table
                assert await live_cars(on) == await booked_cars(on), player.table


def step_of(line: str) -> Step:
    """A line of a table, as far as the arrow."""
    time, lane, act, *rest = line.split()
    plate = rest.pop(0) if rest and "=" not in rest[0] else ""
    options = {name: value for name, _, value in (word.partition("=") for word in rest)}
    return Step(line=0, time=time, lane=lane, act=act, plate=plate, options=options, answer=[], journal=[])


Car = tuple[str, str, "SessionId", int]


async def live_cars(on: Town) -> set[Car]:
    """Garage, plate, session and what was paid inside, of each car inside as its gate knows it."""
    cars = set()
    for garage in GARAGES:
        for plate in PLATES:
            session = (await on.sessions.find(GarageId(garage), plate)).session
            if session is not None:
                cars.add((garage, plate, session.session_id, session.prepaid_fen))
    return cars


async def booked_cars(on: Town) -> set[Car]:
    """The same as the books know it."""
    inside = await BookArchive(on.pool, prepaid_exit_within={}).cars_inside()
    return {(one.garage_id, one.plate.number, one.session_id, one.prepaid_fen) for one, _ in inside}


class AnyPlayer(CouponPlayer):
    """Plays what a day draws, keeps it as a table, and takes a caller's error for an answer."""

    def __init__(self, on: Town) -> None:
        super().__init__(on)
        self._lines: list[str] = []
        self.inside: set[tuple[str, str]] = set()
        """Garage and plate of the cars that came in and have not left, as the gates answered."""
        self.left: list[str] = []
        """The events by which cars left."""

    @property
    def table(self) -> str:
        """What was played, to be put among the scenarios."""
        return "\n" + "\n".join(self._lines)

    @property
    def seen(self) -> list[str]:
        """The events so far."""
        return list(self._events)

    @property
    def stays(self) -> list[str]:
        """The events that have to do with a stay."""
        return list(self._sessions)

    def place_of(self, event: str) -> tuple[str, str]:
        """The garage and the plate of an event."""
        return self._events[event].garage_id, self._events[event].plate.number

    @override
    async def play(self, step: Step) -> tuple[str, str]:
        words = [f"{name}={value}" for name, value in step.options.items()]
        line = " ".join([step.time, step.lane, step.act, *([step.plate] if step.plate else []), *words])
        self._lines.append(line)
        answer, books = await super().play(step)
        self._lines[-1] += f" -> {answer} | {books}"
        self._follow(step, answer.split())
        return answer, books

    def _follow(self, step: Step, answer: list[str]) -> None:
        car = step.lane.partition("/")[0], step.plate
        match step.act, answer[0]:
            case "entry", "open":
                self.inside.add(car)
            case "exit", _ if self.seen[-1] in self._sessions and ("open" in answer or "late" in answer):
                self.inside.discard(car)
                self.left.append(self.seen[-1])
            case "turn-back", "hold" if "turn_back" in answer:
                (self.inside.add if step.lane.endswith("out-1") else self.inside.discard)(car)

    @override
    async def _act(self, step: Step) -> str:
        try:
            return await super()._act(step)
        except CallerError as refused:
            return f"refused: {refused}"

    @override
    async def _prepay(self, step: Step) -> str:
        number = parse_plate(step.plate, Colour.BLUE).number
        inside = (await self._on.sessions.find(GarageId(step.lane), number)).session
        return "nobody" if inside is None else await super()._prepay(step)

    async def _refund(self, step: Step) -> str:
        """A person gives back what no bill has used."""
        on, session_id = self._on, self._sessions[step.options["of"]]
        view = await on.views.session(session_id)
        assert view is not None
        refund = PrepaymentRefund(
            refund_id=step.options["id"],
            garage_id=view.garage_id,
            session_id=session_id,
            amount_fen=int(step.options["fen"]),
            method="cash",
            given_by="Li",
        )
        now = on.clock.now()
        return "given" if await on.prepayments.refund(refund, now, over_until=now) else "given before"

    @override
    async def _bill_of(self, step: Step) -> BillId:
        rows = await self._on.pool.fetch(
            "SELECT bill_id FROM bill WHERE session_id = $1 AND kind = 'bill' ORDER BY bill_id",
            self._sessions[step.options["of"]],
        )
        if not rows:
            raise NotFound("it has no bill")
        return BillId(UUID(str(rows[-1]["bill_id"])))


class Day:
    """Draws what happens next; what may follow depends on what was seen so far, not on what came of it."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._now = timedelta(hours=7)
        self._drawn: dict[str, list[str]] = {}
        acts: dict[Callable[[AnyPlayer], str], int] = {
            self._entry: 20, self._exit: 26, self._turn_back: 5, self._again: 3, self._late: 4,
            self._prepay: 7, self._refund: 4, self._unused: 2, self._give: 7, self._revoke: 3,
            self._correct: 6, self._dispute: 3, self._settle: 3, self._rail: 6, self._pay: 3, self._waive: 1,
            self._collect: 2, self._wait: 3, self._account: 2, self._bind: 2, self._pass: 3, self._exempt: 2,
            self._unlist: 2, self._granter: 2, self._lookup: 3,
        }  # fmt: skip
        self._acts, self._weights = list(acts), list(acts.values())

    def step(self, player: AnyPlayer) -> Step:
        """The next line."""
        jump = self._chance.choice([0, 0, 1, 1, 5, 5, 12, 12, 20, 40, 90])
        self._now += timedelta(minutes=jump, seconds=self._chance.choice([0, 0, 0, 1, 59]))
        act = self._chance.choices(self._acts, self._weights)[0]
        return step_of(f"{written(self._now)} {act(player)}")

    def _entry(self, player: AnyPlayer) -> str:
        garage, plate = self._garage(), self._plate()
        if (garage, plate) in player.inside and self._chance.random() < RARELY * 8:
            return f"{garage}/out-1 exit {plate}"
        return f"{garage}/in-1 entry {plate}"

    def _exit(self, player: AnyPlayer) -> str:
        garage, plate = self._car(player)
        return f"{garage}/out-1 exit {plate}"

    def _turn_back(self, player: AnyPlayer) -> str:
        if player.left and self._chance.random() > RARELY:
            garage, plate = player.place_of(player.left[-1])
            return f"{garage}/out-1 turn-back {plate}"
        garage, plate = self._car(player)
        return f"{garage}/{self._chance.choice(['in-1', 'out-1'])} turn-back {plate}"

    def _again(self, player: AnyPlayer) -> str:
        how = self._chance.choice(["", "", " offline=", " offline= grant=forged"])
        return f"- again of={self._chance.choice(player.seen)}{how}" if player.seen else "- wait"

    def _late(self, _: AnyPlayer) -> str:
        at = max(timedelta(), self._now - timedelta(minutes=self._chance.choice([3, 20, 70, 200, 1000])))
        lane, kind = self._chance.choice([("in-1", "entry"), ("out-1", "exit")])
        return f"{self._garage()}/{lane} {kind} {self._plate()} at={written(at)} offline="

    def _prepay(self, player: AnyPlayer) -> str:
        saw = self._chance.choice(["", "", " saw=0", " saw=800"])
        garage, plate = self._car(player)
        return f"{garage} prepay {plate} id={self._id('p')} fen={self._fen()}{saw}"

    def _refund(self, player: AnyPlayer) -> str:
        return self._of(player, f"refund id={self._id('r')} fen={self._fen()}")

    def _unused(self, _: AnyPlayer) -> str:
        return "- unused"

    def _give(self, _: AnyPlayer) -> str:
        of = self._chance.choice(["hour", "five", "half", "free"])
        return f"- give {self._plate()} id={self._id('c')} of={of}"

    def _revoke(self, _: AnyPlayer) -> str:
        return f"- revoke id={self._old('c')}"

    def _correct(self, player: AnyPlayer) -> str:
        ago = written(max(timedelta(), self._now - timedelta(minutes=self._chance.choice([5, 30, 90, 400]))))
        what = self._chance.choice(
            [self._plate(), "class=large", "class=small", f"entered={ago}", f"left={ago}"]
        )
        return self._of(player, f"correct {what} key={self._id('k')}")

    def _dispute(self, player: AnyPlayer) -> str:
        return self._of(player, "dispute")

    def _settle(self, player: AnyPlayer) -> str:
        return self._of(player, f"settle end={self._chance.choice(['rejected', 'upheld'])}")

    def _rail(self, _: AnyPlayer) -> str:
        return f"- rail says={self._chance.choice(['paid', 'paid', 'declined'])}"

    def _pay(self, _: AnyPlayer) -> str:
        return f"{self._garage()} pay fen={self._fen()} id={self._id('m')}"

    def _collect(self, _: AnyPlayer) -> str:
        return f"- collect {self._chance.choice(PLATES[:3])}"

    def _waive(self, _: AnyPlayer) -> str:
        until = written(self._now + timedelta(minutes=15))
        return f"{self._garage()} waive {self._plate()} until={until}"

    def _wait(self, _: AnyPlayer) -> str:
        return "- wait"

    def _account(self, _: AnyPlayer) -> str:
        state = self._chance.choice(["suspended", "active", "active"])
        return f"- account {self._chance.choice(PLATES[:3])} state={state}"

    def _bind(self, _: AnyPlayer) -> str:
        if self._chance.random() < 1 / 3:
            return f"- unbind {self._chance.choice(PLATES[:3])}"
        return f"- decide end={self._chance.choice(['kept', 'transferred', 'unbound'])}"

    def _pass(self, _: AnyPlayer) -> str:
        frees = self._chance.choice(["stays_visitor", "takes_place"])
        until = written(self._now + timedelta(hours=self._chance.choice([1, 5, 100])))
        others = "+".join(self._chance.sample(PLATES, 1))
        span = f"from={written(self._now)} until={until}"
        name = self._chance.choice(["m1", "m2"])
        return f"east pass {self._plate()} with={others} id={name} frees={frees} {span}"

    def _exempt(self, _: AnyPlayer) -> str:
        inside = self._chance.choice(["at_once", "next_entry"])
        which = self._chance.choice([self._plate(), "class=new_energy", "operator=kerry"])
        return f"{self._garage()} exempt {which} id={self._id('x')} inside={inside} from={written(self._now)}"

    def _unlist(self, _: AnyPlayer) -> str:
        return f"- unlist id={self._old('x')}"

    def _granter(self, _: AnyPlayer) -> str:
        return f"- granter is={self._chance.choice(['away', 'back', 'back'])}"

    def _lookup(self, _: AnyPlayer) -> str:
        return "- lookup"

    def _of(self, player: AnyPlayer, rest: str) -> str:
        stays = player.left[-6:] if player.left and self._chance.random() > RARELY else player.stays
        return f"- {rest} of={self._chance.choice(stays)}" if stays else "- wait"

    def _car(self, player: AnyPlayer) -> tuple[str, str]:
        """One that is inside, or now and then any."""
        if player.inside and self._chance.random() > RARELY:
            return self._chance.choice(sorted(player.inside))
        return self._garage(), self._plate()

    def _garage(self) -> str:
        return self._chance.choices(GARAGES, [12, 3, 1])[0]

    def _plate(self) -> str:
        return self._chance.choice(PLATES)

    def _fen(self) -> int:
        return self._chance.choice([100, 400, 800, 800, 1200, 1600, 2000, 6000])

    def _id(self, kind: str) -> str:
        """A new id, or now and then one that was used."""
        if self._chance.random() < RARELY:
            return self._old(kind)
        self._drawn.setdefault(kind, []).append(f"{kind}{len(self._drawn.get(kind, ())) + 1}")
        return self._drawn[kind][-1]

    def _old(self, kind: str) -> str:
        return self._chance.choice(self._drawn.get(kind, [f"{kind}1"])[-5:])


def written(since: timedelta) -> str:
    """``2/08:00:30``, as tables have it."""
    hours, rest = divmod(since.seconds, 3600)
    return f"{since.days}/{hours:02}:{rest // 60:02}:{rest % 60:02}"
