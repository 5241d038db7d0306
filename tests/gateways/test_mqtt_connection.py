"""The MQTT connection against real brokers: nothing acknowledged too early, nothing lost for good."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING

import pytest
from aiomqtt import MqttError

from gateways.mqtt.client import Client, connect, disconnect
from gateways.mqtt.connection import MqttConnection, all_taken
from gateways.mqtt.options import MqttOptions, MqttServer, MqttVersion, Received, Will, mqtt_server
from parking.errors import InvalidInput, OutcomeUnknown, Unavailable
from tests.brokers import BROKERS, REDELIVERING, Broker, Product, running_broker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

NUMBERS = count(1)
PATIENCE_S = 30.0


@pytest.fixture(scope="module", params=BROKERS)
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    product, version = request.param
    with running_broker(product, version) as running:
        yield running


class Taken:
    """Remembers what was handed over."""

    def __init__(self) -> None:
        self.messages: list[Received] = []
        self._more = asyncio.Event()

    async def take(self, batch: Sequence[Received]) -> None:
        self.messages += batch
        self._more.set()

    async def until(self, number: int) -> list[Received]:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.messages) < number:
                self._more.clear()
                await self._more.wait()
        return self.messages


def options_for(
    broker: Broker, topic: str, name: str = "", *, will: Will | None = None, payload_bytes_max: int = 65_536
) -> MqttOptions:
    return MqttOptions(
        client_id=name or f"client-{next(NUMBERS)}",
        subscriptions=(topic,),
        version=broker.version,
        will=will,
        payload_bytes_max=payload_bytes_max,
    )


@asynccontextmanager
async def connected(
    broker: Broker, options: MqttOptions, take: Callable[[Sequence[Received]], Awaitable[None]]
) -> AsyncIterator[MqttConnection]:
    up = asyncio.Event()
    states: list[bool] = []

    def observe(connected: bool) -> None:  # noqa: FBT001 - as it is called
        states.append(connected)
        if connected:
            up.set()

    connection = MqttConnection(mqtt_server(broker.url), options, observe=observe)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(connection.run(take))
        async with asyncio.timeout(PATIENCE_S):
            await up.wait()
        yield connection
        running.cancel()
    assert not states[-1]
    assert not connection.connected


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """A line to ``port`` on a port of its own, and how to cut it: nobody says goodbye."""
    ends: list[asyncio.StreamWriter] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                writer.write(data)
        writer.transport.abort()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        ends.extend((writer, far_writer))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pass_on(reader, far_writer))
            tasks.create_task(pass_on(far_reader, writer))

    server = await asyncio.start_server(join, "127.0.0.1", 0)

    def cut() -> None:
        server.close()
        for end in ends:
            end.transport.abort()

    yield server.sockets[0].getsockname()[1], cut
    cut()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)


async def nothing(batch: Sequence[Received]) -> None:
    """Take it for granted."""


async def test_a_message_comes_with_its_topic_and_what_it_carries(broker: Broker) -> None:
    taken, topic = Taken(), f"of/{next(NUMBERS)}"
    async with connected(broker, options_for(broker, f"{topic}/+"), taken.take) as connection:
        await connection.publish(f"{topic}/a", "粤B".encode(), properties={"token": "x"})
        (message,) = await taken.until(1)
    told = {"token": "x"} if broker.version is MqttVersion.V5 else {}
    assert (message.topic, message.payload.decode(), message.properties) == (f"{topic}/a", "粤B", told)


async def test_a_small_message_waits_for_no_confirmation_of_the_one_before(broker: Broker) -> None:
    client = Client(mqtt_server(broker.url), options_for(broker, "any"))
    await connect(client)
    try:
        line = client._client.socket()  # noqa: SLF001 - the library shows it nowhere else
        assert isinstance(line, socket.socket)
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        await disconnect(client)


async def test_what_could_not_be_taken_is_handed_over_again(broker: Broker) -> None:
    taken, topic, failed = Taken(), f"of/{next(NUMBERS)}", asyncio.Event()

    async def fail_once(batch: Sequence[Received]) -> None:
        if not failed.is_set():
            failed.set()
            raise Unavailable("a store is away")
        await taken.take(batch)

    async with connected(broker, options_for(broker, topic), fail_once) as connection:
        await connection.publish(topic, b"1")
        assert [one.payload for one in await taken.until(1)] == [b"1"]
    assert failed.is_set()


@pytest.mark.parametrize("broker", REDELIVERING, indirect=True)
async def test_what_was_under_way_when_we_ended_comes_over_the_next_connection(broker: Broker) -> None:
    taken, topic, name, came = Taken(), f"of/{next(NUMBERS)}", f"client-{next(NUMBERS)}", asyncio.Event()

    async def never(batch: Sequence[Received]) -> None:
        del batch
        came.set()
        await asyncio.Event().wait()

    async with (
        connected(broker, options_for(broker, "other/topic"), nothing) as sender,
        connected(broker, options_for(broker, topic, name), never),
    ):
        await sender.publish(topic, b"1")
        await came.wait()
    async with connected(broker, options_for(broker, topic, name), taken.take):
        assert [one.payload for one in await taken.until(1)] == [b"1"]


async def test_what_is_sent_while_nobody_is_there_waits_with_the_broker(broker: Broker) -> None:
    taken, topic, name = Taken(), f"of/{next(NUMBERS)}", f"client-{next(NUMBERS)}"
    async with connected(broker, options_for(broker, topic, name), taken.take):
        pass
    async with connected(broker, options_for(broker, "other/topic"), nothing) as sender:
        await sender.publish(topic, b"meanwhile")
    async with connected(broker, options_for(broker, topic, name), taken.take):
        assert [one.payload for one in await taken.until(1)] == [b"meanwhile"]


async def test_what_was_taken_does_not_come_again(broker: Broker) -> None:
    taken, topic, name = Taken(), f"of/{next(NUMBERS)}", f"client-{next(NUMBERS)}"
    for payload in (b"1", b"2"):
        async with connected(broker, options_for(broker, topic, name), taken.take) as connection:
            await connection.publish(topic, payload)
            await taken.until(int(payload))
    assert [one.payload for one in taken.messages] == [b"1", b"2"]


async def test_hundreds_of_messages_come_in_order_and_in_fewer_batches(broker: Broker) -> None:
    taken, topic, batches = Taken(), f"of/{next(NUMBERS)}", count()

    async def take(batch: Sequence[Received]) -> None:
        next(batches)
        await asyncio.sleep(0.002)
        await taken.take(batch)

    async with connected(broker, options_for(broker, topic), take) as connection:
        for start in range(0, 300, 50):
            async with asyncio.TaskGroup() as tasks:
                for number in range(start, start + 50):
                    tasks.create_task(connection.publish(topic, str(number).encode()))
        await taken.until(300)
    assert [int(one.payload) for one in taken.messages] == list(range(300))
    assert next(batches) < 300


async def test_a_message_that_is_too_large_is_left_out_and_not_sent_again(broker: Broker) -> None:
    taken, topic = Taken(), f"of/{next(NUMBERS)}"
    options = options_for(broker, topic, payload_bytes_max=1000)
    async with connected(broker, options, taken.take) as connection:
        async with connected(broker, options_for(broker, "other/topic"), nothing) as sender:
            await sender.publish(topic, b"x" * 20_000)
        await connection.publish(topic, b"small")
        assert [one.payload for one in await taken.until(1)] == [b"small"]


async def test_our_will_is_published_when_the_line_is_cut(broker: Broker) -> None:
    taken, topic = Taken(), f"will/{next(NUMBERS)}"
    options = options_for(broker, "other/topic", will=Will(topic=topic, payload=b"gone"))
    async with relay(broker.port) as (port, cut), connected(broker, options_for(broker, topic), taken.take):
        behind = MqttConnection(mqtt_server(f"mqtt://service@127.0.0.1:{port}"), options)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(behind.run(nothing))
            await until(lambda: behind.connected)
            cut()
            assert (await taken.until(1))[0].payload == b"gone"
            running.cancel()


async def test_a_lost_broker_is_waited_for_and_everything_goes_on() -> None:
    taken, topic = Taken(), "of/all"
    with running_broker(Product.AMQTT, MqttVersion.V311) as broker:
        async with connected(broker, options_for(broker, topic), taken.take) as connection:
            await asyncio.to_thread(broker.kill)
            await until(lambda: not connection.connected)
            with pytest.raises(Unavailable):
                await connection.publish(topic, b"lost")
            await asyncio.to_thread(broker.start)
            await until(lambda: connection.connected)
            await connection.publish(topic, b"again")
            assert [one.payload for one in await taken.until(1)] == [b"again"]


async def test_a_defect_that_one_message_meets_is_left_and_the_others_are_taken() -> None:
    taken: list[str] = []

    async def part(name: str, failure: Exception | None = None) -> None:
        await asyncio.sleep(0)
        if failure is not None:
            raise failure
        taken.append(name)

    await all_taken([part("a", ValueError("half of a sign")), part("b")])
    assert taken == ["b"]
    with pytest.raises(OutcomeUnknown):
        await all_taken([all_taken([part("c", Unavailable("no store"))]), part("d", ValueError()), part("e")])
    with pytest.raises(OutcomeUnknown):
        await all_taken([all_taken([part("f", ValueError()), part("g", Unavailable("no store"))])])


async def test_a_connection_that_is_being_made_can_be_cancelled() -> None:
    """Nobody answers at the other end: the socket is there, the broker's word never comes."""
    came = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        options = MqttOptions(client_id="a", subscriptions=("a",))
        connection = MqttConnection(MqttServer(host="127.0.0.1", port=port), options)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(connection.run(nothing))
            await came.wait()
            running.cancel()
    assert not connection.connected


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("mqtt://broker", MqttServer(host="broker", port=1883)),
        ("mqtts://broker:8884/", MqttServer(host="broker", port=8884, tls=True)),
        (
            "mqtt://me:p%40ss@[::1]:1",
            MqttServer(host="::1", port=1, username="me", password="p@ss"),  # noqa: S106 - of a test
        ),
    ],
)
def test_an_address_is_read(url: str, server: MqttServer) -> None:
    assert mqtt_server(url) == server


@pytest.mark.parametrize("url", ["", "broker:1883", "http://broker", "mqtt://", "mqtt://a:0", "mqtt://a:x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        mqtt_server(url)
    assert refused.value.fields == ("mqtt_url",)


class Waiting(Client):
    """Waits for a word of a broker, as a publication does."""

    async def until(self, word: asyncio.Event, seconds: float = PATIENCE_S) -> None:
        await self._wait_for(word.wait(), timeout=seconds)


@pytest.mark.parametrize("later", range(4))
async def test_a_cancellation_that_meets_the_brokers_word_is_not_lost(later: int) -> None:
    client = Waiting(mqtt_server("mqtt://127.0.0.1:1"), MqttOptions(client_id="c", subscriptions=()))
    word = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(client.until(word))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        word.set()
        for _ in range(later):
            await asyncio.sleep(0)
        in_time = waiting.cancel()
    assert waiting.cancelled() is in_time


async def test_a_broker_that_says_nothing_is_not_waited_for_without_end() -> None:
    client = Waiting(mqtt_server("mqtt://127.0.0.1:1"), MqttOptions(client_id="c", subscriptions=()))
    with pytest.raises(MqttError):
        await client.until(asyncio.Event(), seconds=0.01)
