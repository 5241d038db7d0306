"""What the city sends down: queued, sealed and handed to a broker, which may be away for a while.

Nothing is lost on the way to the broker while the process lives; what it had not sent when it ended is told
to whoever asks.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from typing_extensions import override

from gateways.hangzhou.envelope import seal
from gateways.hangzhou.heard import Down, down_wire
from gateways.hangzhou.simulator.results import result_of
from gateways.rails.simulator.teller import Notices
from parking.clock import to_ms
from parking.errors import DependencyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from gateways.hangzhou.heard import DeparturePayInfo, FeeQuestion
    from gateways.hangzhou.messages import Message
    from gateways.rails.simulator.books import Attempt
    from parking.clock import Clock

__all__ = ["Broker", "Publisher"]

QUEUE_MAX: Final = 20_000
RETRY_EVERY_S: Final = 0.2
DELIVERY_TIMEOUT_S: Final = 3.0


class Broker(Protocol):
    """Passes a message on to whoever has subscribed to its topic."""

    async def publish(self, topic: str, payload: bytes) -> None:
        """Return when the broker has it; raises :class:`DependencyError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message on its way."""

    down: Down
    parking_code: str
    message: Message
    sent: asyncio.Event


class Publisher(Notices):
    """The outgoing messages to one ``accessID``."""

    def __init__(self, key: RSAPrivateKey, clock: Clock, *, access_id: str, topic_prefix: str) -> None:
        self._key = key
        self._clock = clock
        self._access_id = access_id
        self._topic_prefix = topic_prefix
        self._queue: asyncio.Queue[Outgoing] = asyncio.Queue(QUEUE_MAX)
        self._number = 0
        self.delivered = 0
        self.failed = 0

    @property
    @override
    def enabled(self) -> bool:
        return True

    @override
    def enqueue(self, attempt: Attempt, copies: int = 1, *, too_much_fen: int = 0) -> None:
        for _ in range(copies):
            self._put(Down.RESULT, attempt.subject, result_of(attempt, too_much_fen=too_much_fen))

    @override
    async def deliver(self, attempt: Attempt) -> None:
        sent = self._put(Down.RESULT, attempt.subject, result_of(attempt))
        try:
            async with asyncio.timeout(DELIVERY_TIMEOUT_S):
                await sent.wait()
        except TimeoutError:
            pass

    def grant(self, info: DeparturePayInfo) -> None:
        """01, soon."""
        self._put(Down.GRANT, info.parking_code, info)

    def ask_fee(self, question: FeeQuestion) -> None:
        """05, soon."""
        self._put(Down.FEE, question.parking_code, question)

    async def run(self, broker: Broker) -> None:
        """Work until cancelled."""
        while True:
            one = await self._queue.get()
            topic = f"{self._topic_prefix}/{one.down}/{self._access_id}/{one.parking_code}"
            while not one.sent.is_set():
                try:
                    await broker.publish(topic, self._sealed(one.message))
                    one.sent.set()
                    self.delivered += 1
                except DependencyError:
                    self.failed += 1
                    await asyncio.sleep(RETRY_EVERY_S)

    def _put(self, down: Down, parking_code: str, message: Message) -> asyncio.Event:
        sent = asyncio.Event()
        self._queue.put_nowait(Outgoing(down=down, parking_code=parking_code, message=message, sent=sent))
        return sent

    def _sealed(self, message: Message) -> bytes:
        self._number += 1
        envelope = seal(down_wire(message), self._key)
        now_ms = to_ms(self._clock.now())
        fields = {
            "requestId": f"{now_ms}{self._number:06}",
            "cipher": envelope.cipher,
            "sign": envelope.sign,
            "timestamp": now_ms,
        }
        return json.dumps(fields).encode()
