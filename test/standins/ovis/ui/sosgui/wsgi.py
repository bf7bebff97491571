"""What uwsgi serves: Django with the settings that the user has mounted."""
import os
import sys

from django.core.wsgi import get_wsgi_application

print('sosgui (stand-in, not the real sosgui)', file=sys.stderr, flush=True)
os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'sosgui.settings')
application = get_wsgi_application()
