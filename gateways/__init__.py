"""The edge: gates in, payment rails out, web, command line and wiring.

The top floor. It translates and connects; it holds no rule about money.
"""
