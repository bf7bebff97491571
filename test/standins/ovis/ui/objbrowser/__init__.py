"""A stand-in for the Django app objbrowser of sosdb-ui."""
