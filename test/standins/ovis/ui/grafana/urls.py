"""What grafana's data source asks for: the first to see whether we are well, the second for data."""
from django.urls import path

from grafana import views

urlpatterns = [path('', views.ok), path('query', views.query)]
