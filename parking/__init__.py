"""Cars: plates, gate events, sessions, tariffs, grants and decisions.

The bottom floor. It knows what a price is and nothing about how money moves; it imports neither
``settlement`` nor ``gateways``.
"""
