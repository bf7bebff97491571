"""A stand-in for the Django app sosdb_auth of sosdb-ui."""
