"""A stand-in for numsos, not the real one: it tells which SOS it was built with."""
