"""The languages in which drivers are told things at a lane."""

from __future__ import annotations

from enum import StrEnum, unique

__all__ = ["Language"]


@unique
class Language(StrEnum):
    """What a display and a voice speak."""

    CHINESE = "zh-CN"
    ENGLISH = "en"
