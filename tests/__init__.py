"""Tests, by floor and kind."""
