"""Structured logs: one JSON object a line, without anybody's plate.

Whatever looks like a plate, or like a token that stands for one, is masked in every value, so that a log can
be shown to whoever operates the machines: who parked where is nobody's business there.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["configure_logs", "mask_plates"]

PLATE = re.compile(
    r"(?P<shown>[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领临][A-Z]?)[·]?[A-Z0-9]{3,8}"
    r"|(?P<token>无|LF1-)[A-Z0-9-]{4,}"
)


def mask_plates(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace what looks like a plate by its first signs."""
    return {name: _masked(value) for name, value in event.items()}


def configure_logs(level: str, **bound: str) -> None:
    """Send all logs, the standard library's too, to standard error; ``bound`` is in every line."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_plates,
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mask_plates,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    structlog.contextvars.bind_contextvars(**bound)


def _masked(value: object) -> object:
    if isinstance(value, str):
        return PLATE.sub(lambda found: f"{found['shown'] or found['token']}***", value)
    return value
