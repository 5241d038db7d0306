-- The rail's books: one row for each time that money moved, in the order of its commits.
-- Nothing forbids two charges of one order: the books must be able to show that we charged twice.
CREATE TABLE IF NOT EXISTS movements (
    sequence INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    order_key TEXT NOT NULL,
    attempt_key TEXT NOT NULL,
    amount_fen INTEGER NOT NULL,
    paid_at_ms INTEGER NOT NULL,
    rail_reference TEXT NOT NULL,
    UNIQUE (kind, attempt_key)
) STRICT
