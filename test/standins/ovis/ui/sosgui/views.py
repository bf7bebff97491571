"""The start page, and the dsosds that the settings name."""
from django.conf import settings
from django.shortcuts import render


def dsosds():
    """The hosts of dsosd, as DSOS_CONF has them: one a line."""
    with open(settings.DSOS_CONF) as conf:
        return conf.read().split()


def home(request):
    return render(request, 'index.html', {'dsosds': dsosds()})
