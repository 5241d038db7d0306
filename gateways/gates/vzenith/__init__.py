"""Vzenith cameras, also sold as Alphadigi: HTTP push with commands in the answer."""
