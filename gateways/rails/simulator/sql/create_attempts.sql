-- What was asked of the rail under each attempt key, and the one outcome it has.
-- settled_after_ms is on the machine's own clock and set only while the outcome is still to come;
-- later_state is what it will be.
CREATE TABLE IF NOT EXISTS attempts (
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund')),
    attempt_key TEXT NOT NULL,
    order_key TEXT NOT NULL,
    agreement TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    subject TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('accepted', 'paid', 'declined')),
    code TEXT,
    hard INTEGER NOT NULL DEFAULT 0 CHECK (hard IN (0, 1)),
    rail_reference TEXT NOT NULL,
    paid_at_ms INTEGER,
    later_state TEXT CHECK (later_state IN ('paid', 'declined')),
    settled_after_ms INTEGER,
    PRIMARY KEY (kind, attempt_key),
    CHECK ((state = 'paid') = (paid_at_ms IS NOT NULL)),
    CHECK ((state = 'declined') = (code IS NOT NULL)),
    CHECK ((state = 'accepted') = (settled_after_ms IS NOT NULL AND later_state IS NOT NULL))
) STRICT, WITHOUT ROWID
