"""A stand-in for sosgui, the Django project of sosdb-ui: it has no data, and tells which dsosds it would ask."""
from sosgui import settings


def application(environ, start_response):
    with open(settings.DSOS_CONF) as conf:
        hosts = conf.read().split()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("a stand-in for sosgui, which would ask dsosd on %s\n" % ", ".join(hosts)).encode()]
