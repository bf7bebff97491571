"""A stand-in for sosdb-grafana: it has no data, and tells which dsosds it would ask."""
