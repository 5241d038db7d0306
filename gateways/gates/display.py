"""What a lane's display shows: the plate, then what the driver needs to know."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from parking.decision import Reason
from parking.money import yuan

if TYPE_CHECKING:
    from parking.decision import Decision
    from parking.plate import Plate

__all__ = ["display"]

PHRASES: Final[dict[Reason, str]] = {
    Reason.ENTRY: "欢迎光临",
    Reason.DUPLICATE_ENTRY: "欢迎光临",
    Reason.FREE: "免费 一路平安",
    Reason.EXEMPT: "免费车辆 一路平安",
    Reason.PASS: "月卡车辆 一路平安",
    Reason.COUPON: "优惠抵扣 一路平安",
    Reason.GRANTED: "先离场 后付费 {amount}元",
    Reason.EVERYONE: "先离场 后付费 {amount}元",
    Reason.PREPAID: "已付费 {amount}元 一路平安",
    Reason.NO_GRANT: "请缴费 {amount}元",
    Reason.OVER_LIMIT: "请缴费 {amount}元",
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
}
UNLICENSED: Final = "无牌车"
SHOWN_OF_NAME: Final = 4


@lru_cache(maxsize=4096)
def _phrase(reason: Reason, amount_fen: int) -> str:
    return PHRASES[reason].format(amount=yuan(amount_fen))


def display(plate: Plate, decision: Decision) -> list[str]:
    """Two lines, of a debtor three; none when nobody is there to read them.

    A car without a plate is called by the end of its token's name, as its driver can read it too.
    """
    phrase = _phrase(decision.reason, decision.amount_fen)
    if not phrase:
        return []
    owing = [f"欠费 {yuan(decision.owed_fen)}元"] if decision.owed_fen else []
    name = f"{UNLICENSED} {plate.number[-SHOWN_OF_NAME:]}" if plate.is_token else plate.number
    return [name, phrase, *owing]
