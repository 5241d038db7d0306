"""What ``serve`` refuses, in a sentence and with a status, before it starts anything."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.faults.service import lay_out
from tests.stores import processes_about

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.service import Service


async def refused(service: Service, *words: str, **variables: str) -> str:
    """What ``serve`` said when it did not start."""
    service.environment = dict(service.environment) | {
        f"LEAVE_FIRST_{name.upper()}": value for name, value in variables.items()
    }
    ran = await service.command("serve", *words)
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr
    return ran.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"environment": "production"}, ["a test clock is for demo and test environments"]),
        ({"gate_port": "99999", "log_level": "LOUD"}, ["gate_port: ", "log_level: "]),
    ],
)
async def test_a_wrong_setting_is_named(data_dir: Path, variables: dict[str, str], named: list[str]) -> None:
    said = await refused(lay_out(data_dir), **variables)
    assert [one for one in named if one not in said] == []
    assert not (data_dir / "state").exists()


async def test_a_settings_file_is_checked_like_the_environment(data_dir: Path) -> None:
    service, file = lay_out(data_dir), data_dir / "settings.toml"
    file.write_text('gate_prot = 8080\noperator_port = "many"\n')
    said = await refused(service, "--settings", str(file))
    assert "gate_prot: " in said


@pytest.mark.parametrize(
    ("content", "said_of_it"),
    [
        (None, "cannot be read: No such file"),
        (b"gate_port = = 1", "not TOML in UTF-8: Invalid value"),
        (b"\xff", "not TOML in UTF-8: "),
    ],
)
async def test_a_settings_file_that_says_nothing_is_not_passed_over(
    data_dir: Path, content: bytes | None, said_of_it: str
) -> None:
    file = data_dir / "settings.toml"
    if content is not None:
        file.write_bytes(content)
    said = await refused(lay_out(data_dir), settings=str(file))
    assert f"{file}: {said_of_it}" in said
    assert not (data_dir / "state").exists()


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"valkey_url": "localhost:6379"}, "valkey_url: "),
        ({"valkey_url": "redis://:hu/sh@127.0.0.1:6379/0"}, "valkey_url: "),
        ({"postgres_dsn": "hush@localhost/books"}, "postgres_dsn: "),
        ({"postgres_dsn": "postgres://u:hu/sh@localhost/books"}, "postgres_dsn: "),
    ],
)
async def test_an_address_of_no_store_is_refused_and_not_waited_for(
    data_dir: Path, variables: dict[str, str], named: str
) -> None:
    said = await refused(lay_out(data_dir), **variables)
    assert named in said
    assert "hu" not in said.partition(named)[2]


async def test_a_connection_to_a_city_is_checked_before_anything_starts(data_dir: Path) -> None:
    file = data_dir / "hangzhou.toml"
    file.write_text('access_id = "a b"\n')
    said = await refused(lay_out(data_dir), hangzhou_file=str(file))
    assert f"{file}: access_id: " in said
    assert not (data_dir / "state").exists()


async def test_a_role_alone_needs_the_addresses_of_stores(data_dir: Path) -> None:
    service = lay_out(data_dir)
    said = await refused(service, "--role", "settlement")
    assert "LEAVE_FIRST_VALKEY_URL and LEAVE_FIRST_POSTGRES_DSN" in said


async def test_a_port_of_somebody_else_is_named_also_one_that_could_be_shared(data_dir: Path) -> None:
    service = lay_out(data_dir)
    host, port = service.gate_url.removeprefix("http://").split(":")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((host, int(port)))
        other.listen()
        said = await refused(service)
    assert f"cannot listen at port {port} of {host}: " in said
    assert not processes_about(service.folder)


async def test_ports_of_one_service_differ(data_dir: Path) -> None:
    service = lay_out(data_dir)
    said = await refused(service, operator_port=service.gate_url.rpartition(":")[2])
    assert "gate_port, operator_port and the ports from metrics_port on must differ" in said


async def test_a_variable_that_names_no_setting_is_told_of(data_dir: Path) -> None:
    service = lay_out(data_dir)
    service.environment = dict(service.environment) | {
        "LEAVE_FIRST_POSTGRES_DNS": "postgresql://user:hush@books/",
        "LEAVE_FIRST_OPERATOR_PORT": service.gate_url.rpartition(":")[2],
    }
    ran = await service.command("serve")
    assert ran.returncode == 1
    assert "LEAVE_FIRST_POSTGRES_DNS" in ran.stderr
    assert "hush" not in ran.stderr
    assert ran.stderr.count("variable_names_no_setting") == 1


async def test_a_command_beside_no_service_says_so(data_dir: Path) -> None:
    ran = await lay_out(data_dir).command("token", "list")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no service runs on" in ran.stderr
