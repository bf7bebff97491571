"""Settings of the stand-in for sosgui: what the real one has, as far as the stand-in reads it."""
import os

root = os.environ.get("LDMS_ENTRYPOINT_ROOT", "")
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
DSOS_ROOT = "/store/"
DSOS_CONF = root + "/opt/ovis/etc/dsosd.conf"
