"""The live store: cars inside, grants, and what the gates did, in Valkey or Redis.

The only package that imports ``redis``. Everything of one garage lives under one hash tag, so every
step is one atomic function call, also on a cluster.
"""
