"""What the simulator's process is told when it starts, and how its two small files are read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from gateways.rails.simulator.faults import DEFAULT, NONE, Fault, Profile
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SimulatorSettings", "read_profile", "read_secrets"]

SECRET_LENGTH_MIN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """One simulator."""

    listen: str
    """``127.0.0.1:PORT`` (0: any free one) or the path of a Unix socket."""
    data_dir: Path
    """Where its books are; one process at a time."""
    secrets: tuple[str, ...]
    """The first one signs notices; any of them opens the door."""
    seed: int = 1
    profile: Profile = DEFAULT
    notice_url: str | None = None
    test_clock: Path | None = None
    """A clock that somebody else moves; without it, the machine's."""
    requests_max: int = 4_000
    """Handled at once; beyond it, 503."""


class ProfileFile(BaseModel):
    """The TOML form of a profile."""

    model_config = ConfigDict(extra="forbid")

    rates: dict[Fault, float] = {}
    hang_s: float = NONE.hang_s
    slow_s: tuple[float, float] = NONE.slow_s
    accepted_s: tuple[float, float] = NONE.accepted_s


def read_profile(text: str) -> Profile:
    """Read ``hang_s``, ``slow_s``, ``accepted_s`` and a table ``[rates]``; raises :class:`InvalidInput`."""
    try:
        file = ProfileFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"not TOML: {error}") from error
    except ValidationError as error:
        fields = tuple(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise InvalidInput(f"not a fault profile: {', '.join(fields)}", fields) from None
    return Profile(rates=file.rates, hang_s=file.hang_s, slow_s=file.slow_s, accepted_s=file.accepted_s)


def read_secrets(text: str) -> tuple[str, ...]:
    """One secret a line, the current one first; raises :class:`InvalidInput`."""
    secrets = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not secrets or min(map(len, secrets)) < SECRET_LENGTH_MIN or not all(map(str.isascii, secrets)):
        raise InvalidInput(f"a secret is a line of at least {SECRET_LENGTH_MIN} ASCII characters")
    return secrets
