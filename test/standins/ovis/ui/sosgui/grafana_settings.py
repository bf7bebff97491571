"""What sosdb-grafana adds to the settings of sosgui, if those ask for it."""
INSTALLED_APPS = ('grafana',)
