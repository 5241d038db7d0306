"""Money: bills, the ledger, charges, standing and reconciliation.

The middle floor. It knows ``parking`` and no HTTP, no vendor and no command line.
"""
