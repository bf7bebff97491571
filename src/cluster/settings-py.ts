/**
 * A settings.py for sosgui, with values that are safe on a network: what sosgui asks for is known from
 * the one that the README of the ldms-containers project shows.
 */

/** A text as Python reads it. */
const python = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;

/**
 * Its text.
 *
 * @param host the name that people and grafana know the web back-end by
 * @param store the directory of the hosts with dsosd that SOS containers are in
 */
export const settingsPy = (
  host: string,
  store: string,
): string => `# settings.py: how sosgui, the web back-end, is set up.
# Put your own beside ldms_cfg.yaml, and ldms-cluster takes that.
import importlib
import os
import secrets

BASE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# A new key at each start: whoever is logged in then has to log in again. To keep one, mount a file that nobody
# else can read, and name it: -e SOSGUI_SECRET_KEY_FILE=/run/secrets/sosgui
key_file = os.environ.get('SOSGUI_SECRET_KEY_FILE')
SECRET_KEY = open(key_file).read().strip() if key_file else secrets.token_urlsafe(50)

DEBUG = False

# The names that people, and grafana, use for this host. health asks by the name of localhost.
ALLOWED_HOSTS = [${[...new Set([host, 'localhost', '127.0.0.1'])].map(python).join(', ')}]

# Where dsosd has the data, and on which hosts it runs.
DSOS_ROOT = ${python(store.replace(/\/*$/, '/'))}
SOS_ROOT = DSOS_ROOT
DSOS_CONF = '/opt/ovis/etc/dsosd.conf'

LOG_FILE = '/var/log/sosgui/sosgui.log'
LOG_DATE_FMT = '%F %T'
ODS_LOG_FILE = '/var/log/sosgui/ods.log'
ODS_LOG_MASK = '255'
ODS_GC_TIMEOUT = 10
BSTORE_PLUGIN = 'bstore_sos'
os.environ.setdefault('BSTORE_PLUGIN_PATH', '/opt/ovis/lib')
os.environ.setdefault('SET_POS_KEEP_TIME', '3600')

INSTALLED_APPS = (
    'corsheaders',
    'django.contrib.admin',
    'django.contrib.auth',
    'django.contrib.contenttypes',
    'django.contrib.sessions',
    'django.contrib.messages',
    'django.contrib.staticfiles',
    'container',
    'jobs',
    'objbrowser',
    'sos_db',
    'sosdb_auth',
)

# Parts that may be installed beside sosgui, such as the one that answers grafana.
for part in ('ldms_settings', 'grafana_settings', 'baler_settings'):
    try:
        INSTALLED_APPS += tuple(importlib.import_module('sosgui.' + part).INSTALLED_APPS)
    except ImportError:
        pass

MIDDLEWARE = (
    'corsheaders.middleware.CorsMiddleware',
    'django.contrib.sessions.middleware.SessionMiddleware',
    'django.middleware.common.CommonMiddleware',
    'django.contrib.auth.middleware.AuthenticationMiddleware',
    'django.contrib.messages.middleware.MessageMiddleware',
    'django.middleware.clickjacking.XFrameOptionsMiddleware',
    'django.middleware.security.SecurityMiddleware',
)

AUTH_USER_MODEL = 'sosdb_auth.SosdbUser'
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
APPEND_SLASH = False

ROOT_URLCONF = 'sosgui.urls'
WSGI_APPLICATION = 'sosgui.wsgi.application'

TEMPLATES = [
    {
        'BACKEND': 'django.template.backends.django.DjangoTemplates',
        'DIRS': [os.path.join(BASE_DIR, 'templates')],
        'APP_DIRS': True,
        'OPTIONS': {
            'context_processors': [
                'django.contrib.auth.context_processors.auth',
                'django.template.context_processors.debug',
                'django.template.context_processors.request',
                'django.contrib.messages.context_processors.messages',
            ],
        },
    },
]

DATABASES = {
    'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': os.path.join(BASE_DIR, 'db.sqlite3')},
}

STATIC_URL = '/static/'
STATIC_ROOT = os.path.join(BASE_DIR, 'assets')
STATICFILES_DIRS = [os.path.join(BASE_DIR, 'static')]

LANGUAGE_CODE = 'en-us'
TIME_ZONE = 'UTC'
USE_I18N = True
USE_L10N = True
USE_TZ = True

LDMS_CFG = {'aggregators': []}
SYSLOG_CFG = {'stores': []}
`;
