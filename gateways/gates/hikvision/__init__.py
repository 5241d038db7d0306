"""Hikvision cameras and barrier controllers: ISAPI listening, and barriers opened by a command."""
