-- What all balances together are out by, in fen; cheap enough for a metric.
SELECT coalesce(sum(debit_fen) - sum(credit_fen), 0)::bigint FROM ledger_account
