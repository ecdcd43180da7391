"""Serves the LMS on a free port of this machine, and says which: the first line of the output."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()

import services
from django.core.wsgi import get_wsgi_application
from waitress.server import create_server

if __name__ == "__main__":
    services.install()
    server = create_server(get_wsgi_application(), host="127.0.0.1", port=0, threads=4)
    print(server.effective_port, flush=True)
    server.run()
