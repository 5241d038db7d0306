"""Axis License Plate Verifier: events of one car's track pushed, barriers opened by a pulse on a port."""
