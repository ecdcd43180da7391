"""Django settings that edx-proctoring needs; the LMS around it is left out. Runs in the environment of its own."""

import os

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

DEBUG = False
SECRET_KEY = "a secret of the test bed, and of nothing else"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
ROOT_URLCONF = "urls"
ENV_ROOT = os.path.dirname(os.environ["EDX_DATABASE"])
SITE_ID = 1
SITE_NAME = "lms.example.test"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["EDX_DATABASE"]}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.sites",
    "django.contrib.messages",
    "rest_framework",
    "waffle",
    "simple_history",
    "edx_when",
    "edx_proctoring",
]
MIDDLEWARE = [
    "orders.OrdersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "crum.CurrentRequestUserMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "edx_rest_framework_extensions.auth.jwt.authentication.JwtAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ]
}
_PUBLIC_KEY = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key())
JWT_SECRET = "the key with which the test bed signs"
JWT_AUTH = {
    "JWT_AUTH_HEADER_PREFIX": "JWT",
    "JWT_DECODE_HANDLER": "edx_rest_framework_extensions.auth.jwt.decoder.jwt_decode_handler",
    "JWT_PAYLOAD_GET_USERNAME_HANDLER": lambda payload: payload.get("preferred_username"),
    "JWT_ISSUER": "http://lms.example.test/oauth2",
    "JWT_ISSUERS": [
        {"ISSUER": "http://lms.example.test/oauth2", "SECRET_KEY": JWT_SECRET, "AUDIENCE": "lms-key"},
    ],
    "JWT_AUDIENCE": "lms-key",
    "JWT_SECRET_KEY": JWT_SECRET,
    "JWT_ALGORITHM": "HS256",
    "JWT_SUPPORTED_VERSION": "1.2.0",
    "JWT_VERIFY_AUDIENCE": True,
    # Without it edx-drf-extensions 10.9.0 takes any signature.
    "JWT_PUBLIC_SIGNING_JWK_SET": f'{{"keys": [{_PUBLIC_KEY}]}}',
}
EDX_DRF_EXTENSIONS = {"JWT_PAYLOAD_USER_ATTRIBUTE_MAPPING": {}}

COURSE_ID_PATTERN = r"(?P<course_id>[^/+]+(/|\+)[^/+]+(/|\+)[^/?]+)"
PLATFORM_NAME = "Open edX"
CONTACT_EMAIL = "info@example.test"
TECH_SUPPORT_EMAIL = "support@example.test"
DEFAULT_FROM_EMAIL = "lms@example.test"
LMS_ROOT_URL = "http://lms.example.test"
LEARNING_MICROFRONTEND_URL = "http://learning.example.test"
PROCTORING_USER_OBFUSCATION_KEY = "obfuscation"
PROCTORING_SETTINGS = {
    "SITE_NAME": "lms.example.test",
    "PLATFORM_NAME": "Open edX",
    "CONTACT_EMAIL": "info@example.test",
    "LINK_URLS": {"faq": "https://example.test/faq", "contact_us": "https://example.test/contact"},
}
PROCTORING_BACKENDS = {"DEFAULT": "mock", "mock": {}, "null": {}}
FEATURES = {"ENABLE_SPECIAL_EXAMS": True, "ENABLE_PROCTORED_EXAMS": True}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
LOGGING = {"version": 1, "disable_existing_loggers": True}
