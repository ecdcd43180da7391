"""The plugin below /api/, and the one thing of the LMS beside it that a worker uses: tokens for client credentials."""

import tokens
from django.urls import include, path

urlpatterns = [
    path("api/", include("edx_proctoring.urls", namespace="edx_proctoring")),
    path("oauth2/access_token", tokens.access_token),
]
