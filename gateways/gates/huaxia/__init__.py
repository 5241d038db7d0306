"""Huaxia cameras: a form over HTTP, answered by what to switch and what to show."""
