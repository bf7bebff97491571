"""A stand-in for the Django app jobs of sosdb-ui."""
