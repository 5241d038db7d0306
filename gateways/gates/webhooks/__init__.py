"""Readers in software that call a web hook: Plate Recognizer Stream, and OpenALPR or Rekor Scout."""
