"""sosgui's addresses: the start page, and what grafana's data source asks for."""
from django.urls import include, path

from sosgui import views

urlpatterns = [path('', views.home), path('grafana/', include('grafana.urls'))]
