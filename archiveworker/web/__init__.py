"""The HTTP API: routes, who may call them, errors to status codes. No work is done here."""
