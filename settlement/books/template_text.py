"""The terms of a coupon template as the text that the books keep."""

from __future__ import annotations

import json
from datetime import time, timedelta
from typing import Any

from parking.coupon import CouponKind, End
from settlement.merchant import Template, TemplateId, Window

__all__ = ["template_from", "template_text"]

SECOND = timedelta(seconds=1)


def template_text(template: Template) -> str:
    """The terms as JSON."""
    window = template.window
    return json.dumps(
        {
            "name": template.name,
            "kind": template.kind,
            "minutes": template.minutes,
            "off": template.off,
            "window": [window.opens.isoformat(), window.closes.isoformat()] if window else None,
            "amount_fen": template.amount_fen,
            "percent": template.percent,
            "funded_max_fen": template.funded_max_fen,
            "face_fen": template.face_fen,
            "valid_s": template.valid_for // SECOND,
            "per_stay_max": template.per_stay_max,
            "ended": template.ended,
        },
        ensure_ascii=False,
    )


def template_from(template_id: str, text: str) -> Template:
    """The inverse of :func:`template_text`."""
    terms: dict[str, Any] = json.loads(text)
    window = terms.pop("window")
    return Template(
        template_id=TemplateId(template_id),
        kind=CouponKind(terms.pop("kind")),
        off=End(terms.pop("off")),
        window=Window(opens=time.fromisoformat(window[0]), closes=time.fromisoformat(window[1]))
        if window
        else None,
        valid_for=terms.pop("valid_s") * SECOND,
        **terms,
    )
