"""What a person sees: the day as it goes by, and at its end what happened and how one can be sure.

On a terminal it moves; written to a file it is a few lines. All of it goes where it is told, because with
``--json`` standard output belongs to the result alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateways.demo.traffic import DAY
from parking.decision import Verdict
from parking.money import yuan

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.console import Console, RenderableType

    from gateways.demo.tally import Tally

__all__ = ["Screen"]

LAST_CAR: Final = timedelta(hours=34, minutes=30)
REFRESHES_A_SECOND: Final = 8
BAR_WIDTH: Final = 46


class Screen:
    """Shows phases and, while a tally is known, the day."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase = ""
        self._tally: Tally | None = None
        self._spaces = 0
        self._paid: tuple[int, int] | None = None
        self._live = Live(
            get_renderable=self._picture,
            console=console,
            refresh_per_second=REFRESHES_A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def phase(self, text: str) -> None:
        """Something else begins."""
        if self._phase and self._console.is_terminal:
            self._console.print(Text.assemble(("  ✓ ", "green"), (self._phase, "dim")))
        self._phase = text
        if not self._console.is_terminal:
            self._console.print(f"  … {text}")

    def watch(self, tally: Tally, *, spaces: int) -> None:
        """Show this from now on."""
        self._tally, self._spaces = tally, spaces

    def collected(self, charges: int, amount_fen: int) -> None:
        """What has been paid so far."""
        self._paid = (charges, amount_fen)

    def _picture(self) -> RenderableType:
        title = Text.assemble(("  ● ", "yellow"), self._phase)
        if self._tally is None:
            return title
        return Group(title, "", self._day(self._tally), self._figures(self._tally))

    def _day(self, tally: Tally) -> Table:
        passed = tally.now - DAY
        line = Table.grid(padding=(0, 2))
        line.add_row(
            Text(f"    {tally.now.astimezone(DAY.tzinfo):%a %d %b  %H:%M}", style="bold"),
            ProgressBar(
                total=LAST_CAR / timedelta(seconds=1),
                completed=min(passed, LAST_CAR) / timedelta(seconds=1),
                width=BAR_WIDTH,
            ),
            f"{tally.events_sent:,} messages",
        )
        return line

    def _figures(self, tally: Tally) -> Table:
        figures = Table.grid(padding=(0, 3))
        charges, amount_fen = self._paid or (0, 0)
        figures.add_row(
            "   ",
            "cars inside",
            "barrier opened",
            "held",
            "answer within (half / 99 %)",
            "fees collected",
            style="dim",
        )
        figures.add_row(
            "   ",
            f"{tally.inside:,} of {self._spaces:,}",
            f"{tally.decided(Verdict.OPEN):,}",
            f"{tally.decided(Verdict.HOLD):,}",
            f"{tally.recent_ms(500):.1f} / {tally.recent_ms(990):.1f} ms",
            f"{charges:,}  ¥ {yuan(amount_fen)}",
            style="bold",
        )
        return figures
