"""Gates in: one package per gate protocol, each a pure codec and a thin transport."""
