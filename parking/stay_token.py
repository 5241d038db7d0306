"""The token of a car without a plate: what its driver shows at the exit in place of one.

As text, a QR code's payload, it reads ``LF1-<name>-<secret>``. The name is public: behind a 无 it is the
plate number under which the car's stay, bill and debts are kept, longer than any painted on a vehicle.
The secret is for the driver alone; of it only a digest is kept, with the stay. So a token that is lost can be
replaced by another secret of the same name, and who reads a bill cannot drive out on it.

It is not signed: a gate asks the live store for the car in any case, which knows what was issued, and what
was used or replaced since. A signature could say neither, and makes a code four times as long. The symbols
are Crockford's, without I, L, O and U; 75 bits of name, 100 of secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from parking.errors import InvalidInput
from parking.plate import UNREADABLE, Colour, Plate

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STAY_TOKEN_MAX", "StayToken", "draw_token", "read_token", "replaced_token"]

PREFIX: Final = "LF1"
SYMBOLS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NAME_SYMBOLS: Final = 15
SECRET_SYMBOLS: Final = 20
STAY_TOKEN_MAX: Final = len(PREFIX) + NAME_SYMBOLS + SECRET_SYMBOLS + 2
"""Characters; every token has as many."""
FORM: Final = re.compile(f"{PREFIX}-([{SYMBOLS}]{{{NAME_SYMBOLS}}})-([{SYMBOLS}]{{{SECRET_SYMBOLS}}})")


@dataclass(frozen=True, slots=True, kw_only=True)
class StayToken:
    """A token, in full; it is never kept or logged like that."""

    name: str
    secret: str

    @property
    def text(self) -> str:
        """What the driver gets."""
        return f"{PREFIX}-{self.name}-{self.secret}"

    @property
    def plate(self) -> Plate:
        """What stands for the car's plate."""
        return Plate(number=f"{UNREADABLE}{self.name}", colour=Colour.UNKNOWN)

    @property
    def digest(self) -> str:
        """What is kept of it, 64 hex digits; its 100 random bits need nothing slower."""
        return sha256(self.text.encode()).hexdigest()


def draw_token(draw_bytes: Callable[[int], bytes]) -> StayToken:
    """A new token; ``draw_bytes`` draws that many random bytes."""
    return StayToken(name=_drawn(draw_bytes, NAME_SYMBOLS), secret=_drawn(draw_bytes, SECRET_SYMBOLS))


def replaced_token(number: str, draw_bytes: Callable[[int], bytes]) -> StayToken:
    """Another token for the car that is kept under this number."""
    return StayToken(name=number.removeprefix(UNREADABLE), secret=_drawn(draw_bytes, SECRET_SYMBOLS))


def read_token(text: str) -> StayToken:
    """The token that somebody shows; raises :class:`InvalidInput` for what is none."""
    found = FORM.fullmatch(text)
    if found is None:
        raise InvalidInput("not a token of a stay", ("token",))
    return StayToken(name=found[1], secret=found[2])


def _drawn(draw_bytes: Callable[[int], bytes], count: int) -> str:
    """``count`` symbols of five random bits each."""
    bits = int.from_bytes(draw_bytes((count * 5 + 7) // 8))
    return "".join(SYMBOLS[bits >> 5 * place & 31] for place in range(count))
