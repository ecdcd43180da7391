"""Says whether OSV (https://osv.dev) can be asked for known vulnerabilities: exit 0, or 75 with why not.

Asks what is known of an old package and wants a sensible answer: a proxy's page, or a service that is down, is none.
usage: osv_answers.py [URL]
"""

import json
import sys
import urllib.request

URL = "https://api.osv.dev/v1/query"
QUESTION = {"package": {"name": "jinja2", "ecosystem": "PyPI"}, "version": "2.4.1"}
EX_TEMPFAIL = 75


def main() -> int:
    """Ask, and say what came of it."""
    url = sys.argv[1] if len(sys.argv) > 1 else URL
    headers = {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(url, json.dumps(QUESTION).encode(), headers)  # noqa: S310 - typed by an admin
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            if json.load(answer).get("vulns"):
                return 0
        why = "it does not know what it should"
    except OSError as exc:
        why = str(exc)
    except (ValueError, AttributeError):
        why = "what answers is not OSV"
    print(f"{url} cannot be asked for known vulnerabilities: {why}", file=sys.stderr)
    return EX_TEMPFAIL


if __name__ == "__main__":
    sys.exit(main())
