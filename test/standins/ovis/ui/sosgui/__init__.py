"""A stand-in for sosgui, the Django project of sosdb-ui. Its settings.py is mounted by the user."""
