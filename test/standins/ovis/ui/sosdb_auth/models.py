"""The user of sosdb-ui, as settings.AUTH_USER_MODEL names it."""
from django.contrib.auth.models import AbstractUser


class SosdbUser(AbstractUser):
    pass
