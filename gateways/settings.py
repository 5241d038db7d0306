"""Every setting, with its unit and the reason for its default.

From the environment (``LEAVE_FIRST_…``), else from a TOML file (``LEAVE_FIRST_SETTINGS`` or
``--settings``), else the default. This is the one module that reads the environment.
"""

from __future__ import annotations

import os
from datetime import timedelta
from enum import StrEnum, unique
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, SettingsConfigDict
from typing_extensions import override

from gateways.embedded.data_dir import default_data_dir
from gateways.mqtt.options import MqttVersion
from gateways.toml_file import reading
from gateways.web.problems import invalid
from parking.live.store_check import Durability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_settings import PydanticBaseSettingsSource

__all__ = ["Environment", "Settings", "environment_of", "load_settings", "misspelt", "process_environment"]

PREFIX: Final = "LEAVE_FIRST_"
SETTINGS_FILE: Final = f"{PREFIX}SETTINGS"

Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[int, Field(gt=0)]

VALKEY_SCHEMES: Final = ("redis", "rediss", "unix")


@unique
class Environment(StrEnum):
    """What this installation is for."""

    PRODUCTION = "production"
    DEMO = "demo"
    TEST = "test"


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    environment: Environment = Environment.PRODUCTION
    """``demo`` and ``test`` allow a test clock; production refuses it."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """Embedded stores, spool and the gates' copy of the catalog live below it."""
    valkey_url: SecretStr | None = None
    """``redis://``, ``rediss://`` or ``unix://``; without it an embedded Valkey starts."""
    valkey_durability: Durability = Durability.FSYNC
    """``fsync`` refuses a live store that answers before its disk has it; ``server`` takes it as it is."""
    postgres_dsn: SecretStr | None = None
    """``postgresql://…``; without it an embedded PostgreSQL starts."""
    partition_count: Annotated[int, Field(ge=1, le=4096)] = 64
    """Fixed at first start: far more than the machines that one installation will ever use."""

    host: str = "127.0.0.1"
    """Where all ports listen; behind a TLS proxy there is no reason for another."""
    gate_port: Port = 8080
    """The gate API."""
    operator_port: Port = 8081
    """The operator API and the rails' notices."""
    metrics_port: Port = 9100
    """Health and metrics of settlement; gate process number N, from 0, uses this + 1 + N."""
    gate_processes: Annotated[int, Field(ge=1, le=64)] = 1
    """One carries a city of thousands of lanes on one core; more share the port."""

    mqtt_url: SecretStr | None = None
    """``mqtt://user:password@host:port`` or ``mqtts://…``; without it nobody speaks MQTT. Of several gate
    processes the first one does."""
    mqtt_version: MqttVersion = MqttVersion.V5
    """For brokers that know 3.1.1 only; controllers may speak either."""
    mqtt_client_id: str = "leave-first-gates"
    """The session's name with the broker: one machine only may use it at a time."""

    lane_deadline_ms: Annotated[int, Field(ge=50, le=10_000)] = 300
    """An answer leaves within this: a driver does not notice it, a camera does not repeat."""
    spool_reserve_ms: Annotated[int, Field(ge=10)] = 60
    """Of the deadline, what is kept for writing the spool when the live store does not answer."""
    spool_timeout_ms: Annotated[int, Field(ge=10)] = 1_000
    """After this the disk is taken for stuck and the event is refused: its controller sends it again."""
    spool_events_max: Positive = 200_000
    """A whole day of ten busy complexes; about 100 MB of disk."""
    late_after_s: Positive = 120
    """An older event is history: no car still waits for its barrier."""
    lateness_window_h: Positive = 48
    """Older events go to a person: a garage that was cut off for a weekend is within it."""
    clock_ahead_s: Positive = 120
    """A device clock may run ahead by this much before its events are set aside."""
    answers_kept_h: Positive = 72
    """Answers are remembered longer than events may be late, so that a repeat never acts twice."""
    live_batch_max: Positive = 250
    """Calls in one pipeline: beyond it the tail grows and throughput falls."""
    live_waiting_max: Positive = 10_000
    """Calls that may wait; the next one is answered 503."""
    live_reply_timeout_ms: Positive = 2_000
    """A link that has not answered for this long is dropped and made anew."""
    catalog_refresh_ms: Positive = 1_000
    """How soon a revoked token is refused by every gate."""

    collect_delay_s: Annotated[int, Field(ge=0)] = 900
    """Between exit and charge; as long as a car may turn back, so that it is never charged at all."""
    biller_batch_max: Annotated[int, Field(ge=1, le=5_000)] = 500
    """Records in one statement; larger ones win little and hold locks longer."""
    poison_after: Positive = 5
    """Deliveries of one record before it goes to a person and stops nobody."""
    misread_wait_s: Annotated[int, Field(ge=30)] = 120
    """How long an exit on an unsure read waits for a second camera before cars inside are compared."""
    plausible_speed_kmh: Positive = 200
    """A car that would have come from another garage faster than this was misread: above what roads allow."""
    grant_valid_days: Positive = 30
    """A stay longer than this asks anew; most cars leave within hours."""
    seal_every_s: Annotated[float, Field(gt=0)] = 60
    """How often new ledger entries are chained by digests."""
    seal_after_s: Annotated[float, Field(gt=0)] = 300
    """What is this old is chained: longer than any statement takes, and by more than hosts' clocks differ."""
    archive_kept_months: Annotated[int, Field(ge=2, le=1_200)] = 13
    """Gate events say who was where: kept for a year of complaints and refunds, then dropped by the month."""
    picture_dir: Path | None = None
    """Pictures of cars, shared by all gate processes; without it ``pictures`` in the data folder."""
    picture_store_file: Path | None = None
    """Which bucket of an S3-compatible store keeps the pictures; without it, the folder."""
    pictures_kept_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    """A picture shows more of a person than a number does: kept for a month of questions."""
    barrier_records_kept_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    """What a gate said of an opening is asked about within weeks, after a damage or a complaint."""
    grant_key_dir: Path | None = None
    """Where the private keys are that sign grants; without it ``grant-keys`` in the data folder."""
    device_key_file: Path | None = None
    """What encrypts devices' passwords; without it ``device-key`` in the data folder."""
    debtors_refresh_ms: Positive = 60_000
    """How late a bill is found overdue; what a driver does himself is told to the lanes at once."""
    debtors_max: Positive = 2_000
    """Plates that the entries of each garage know as debtors', about 100 bytes each; those that owe most."""
    postgres_pool_size: Positive = 8
    """Few connections with large batches; gates use none."""
    retry_file: Path | None = None
    """When to try and to ask again; without it the shipped schedule."""

    simulator_rail_url: str | None = None
    """The rail simulator, where there is one."""
    simulator_rail_secret_file: Path | None = None
    """Its secrets, one a line, the current one first; they sign notices, too."""
    hangzhou_file: Path | None = None
    """How garages are connected to the Hangzhou city platform; without it, none is."""

    test_clock: Path | None = None
    """A clock file that a player moves; refused in production."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """From debug on, one line for much that is well; no plate is whole in any."""

    @field_validator("valkey_url")
    @classmethod
    def _can_be_followed(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not _leads_to_a_store(url.get_secret_value()):
            raise ValueError("redis://host:port, rediss://host:port or unix:///path is needed")
        return url

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.test_clock is not None and self.environment is Environment.PRODUCTION:
            raise ValueError("a test clock is for demo and test environments")
        if self.spool_reserve_ms >= self.lane_deadline_ms:
            raise ValueError("spool_reserve_ms must be below lane_deadline_ms")
        if self.answers_kept_h <= self.lateness_window_h:
            raise ValueError("answers_kept_h must be above lateness_window_h")
        return self

    @property
    def grant_keys(self) -> Path:
        """The folder of the private keys that sign grants."""
        return self.grant_key_dir or self.data_dir / "grant-keys"

    @property
    def device_key(self) -> Path:
        """The file of the key under which devices' passwords are stored."""
        return self.device_key_file or self.data_dir / "device-key"

    @property
    def barrier_records_kept(self) -> timedelta:
        """How long barrier records stay in the books."""
        return timedelta(days=self.barrier_records_kept_days)

    @property
    def pictures(self) -> Path:
        """The folder of pictures."""
        return self.picture_dir or self.data_dir / "pictures"

    @property
    def store_timeout(self) -> timedelta:
        """What the live store may take of a lane's deadline."""
        return timedelta(milliseconds=self.lane_deadline_ms - self.spool_reserve_ms)

    @property
    def collect_delay(self) -> timedelta:
        """How long after an exit its charge falls due."""
        return timedelta(seconds=self.collect_delay_s)

    @property
    def spool_timeout(self) -> timedelta:
        """What the local disk may take."""
        return timedelta(milliseconds=self.spool_timeout_ms)

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get(SETTINGS_FILE)
        if not file:
            return (init_settings, env_settings)
        with reading(Path(file)) as table:
            return (init_settings, env_settings, InitSettingsSource(settings_cls, table))


def _leads_to_a_store(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in VALKEY_SCHEMES and port != 0


def load_settings(*, settings_file: Path | None = None, **given: object) -> Settings:
    """The settings, ``given`` ones first; :class:`InvalidInput` names what is wrong."""
    if settings_file is not None:
        os.environ[SETTINGS_FILE] = str(settings_file.resolve())
    try:
        return Settings.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise invalid(error) from None


def misspelt() -> list[str]:
    """Variables that begin as those of settings do and are of none: a default is in force instead."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {SETTINGS_FILE}
    return sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )


def process_environment() -> Mapping[str, str]:
    """This process's environment, to hand on to children."""
    return dict(os.environ)


def environment_of(settings: Settings) -> Mapping[str, str]:
    """The variables that give another process of ours the same settings."""
    variables = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is not None:
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            variables[f"{PREFIX}{name.upper()}"] = text
    return variables
