"""What a driver is shown and told at a lane, in its language: the plate, then what he needs to know."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from parking.decision import Reason
from parking.language import Language
from parking.money import yuan

if TYPE_CHECKING:
    from parking.decision import Decision
    from parking.plate import Plate

__all__ = ["display", "speech"]

PHRASES: Final[dict[Language, dict[Reason, str]]] = {
    Language.CHINESE: {
        Reason.ENTRY: "欢迎光临",
        Reason.DUPLICATE_ENTRY: "欢迎光临",
        Reason.FREE: "免费 一路平安",
        Reason.EXEMPT: "免费车辆 一路平安",
        Reason.PASS: "月卡车辆 一路平安",
        Reason.COUPON: "优惠抵扣 一路平安",
        Reason.GRANTED: "先离场 后付费 {rest}元",
        Reason.EVERYONE: "先离场 后付费 {rest}元",
        Reason.PREPAID: "已付费 {amount}元 一路平安",
        Reason.NO_GRANT: "请缴费 {rest}元",
        Reason.OVER_LIMIT: "请缴费 {rest}元",
        Reason.DEBT: "请先补缴欠费",
        Reason.DEBT_ATTENDANT: "请联系管理员",
        Reason.NO_ENTRY: "无入场记录 请稍候",
        Reason.LOW_CONFIDENCE: "一路平安",
        Reason.UNREADABLE: "无法识别车牌",
        Reason.TOKEN_REFUSED: "二维码无效 请重新取码",
        Reason.TURN_BACK: "已取消",
        Reason.NO_PASSAGE: "已取消",
        Reason.LATE: "",
        Reason.TOO_LATE: "",
        Reason.CLOCK: "",
        Reason.OFFLINE_GRANT: "",
        Reason.GRANT_REFUSED: "",
        Reason.OUTAGE_POLICY: "一路平安",
    },
    Language.ENGLISH: {
        Reason.ENTRY: "Welcome",
        Reason.DUPLICATE_ENTRY: "Welcome",
        Reason.FREE: "Free of charge",
        Reason.EXEMPT: "Free of charge, goodbye",
        Reason.PASS: "Pass holder, goodbye",
        Reason.COUPON: "Paid by coupon, goodbye",
        Reason.GRANTED: "Leave now, pay later: {rest} yuan",
        Reason.EVERYONE: "Leave now, pay later: {rest} yuan",
        Reason.PREPAID: "Paid {amount} yuan, goodbye",
        Reason.NO_GRANT: "Please pay {rest} yuan",
        Reason.OVER_LIMIT: "Please pay {rest} yuan",
        Reason.DEBT: "Please pay earlier stays first",
        Reason.DEBT_ATTENDANT: "Please ask the attendant",
        Reason.NO_ENTRY: "No entry found, please wait",
        Reason.LOW_CONFIDENCE: "Goodbye",
        Reason.UNREADABLE: "Plate not readable",
        Reason.TOKEN_REFUSED: "Code not valid, please get a new one",
        Reason.TURN_BACK: "Cancelled",
        Reason.NO_PASSAGE: "Cancelled",
        Reason.LATE: "",
        Reason.TOO_LATE: "",
        Reason.CLOCK: "",
        Reason.OFFLINE_GRANT: "",
        Reason.GRANT_REFUSED: "",
        Reason.OUTAGE_POLICY: "Goodbye",
    },
}
OWING: Final = {Language.CHINESE: "欠费 {amount}元", Language.ENGLISH: "Owing {amount} yuan"}
UNLICENSED: Final = {Language.CHINESE: "无牌车", Language.ENGLISH: "No plate"}
SHOWN_OF_NAME: Final = 4


@lru_cache(maxsize=4096)
def _phrase(reason: Reason, amount_fen: int, rest_fen: int, language: Language) -> str:
    return PHRASES[language][reason].format(amount=yuan(amount_fen), rest=yuan(rest_fen))


def display(plate: Plate, decision: Decision, language: Language = Language.CHINESE) -> list[str]:
    """Two lines, of a debtor three; none when nobody is there to read them.

    ``language`` is the lane's, where neither driver nor garage has chosen one.

    A car without a plate is called by the end of its token's name, as its driver can read it too.
    """
    language = decision.language or language
    phrase = _phrase(decision.reason, decision.amount_fen, decision.rest_fen, language)
    if not phrase:
        return []
    owing = [OWING[language].format(amount=yuan(decision.owed_fen))] if decision.owed_fen else []
    name = f"{UNLICENSED[language]} {plate.number[-SHOWN_OF_NAME:]}" if plate.is_token else plate.number
    return [name, phrase, *owing]


def speech(plate: Plate, decision: Decision, language: Language = Language.CHINESE) -> str:
    """The same as one sentence; an unreadable plate is not spelled."""
    spoken = display(plate, decision, language)[0 if plate.readable else 1 :]
    if (decision.language or language) is Language.CHINESE:
        return "，".join(spoken).replace(" ", "，")
    return ", ".join(spoken)
