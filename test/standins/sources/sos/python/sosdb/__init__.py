"""A stand-in for the Python bindings of SOS, not the real ones: they tell the version of SOS."""
