"""A stand-in for the Django app sos_db of sosdb-ui."""
