"""A stand-in for the Django app container of sosdb-ui."""
