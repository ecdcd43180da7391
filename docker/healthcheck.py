"""Health check of the container: exit 0 when the worker inside answers, 1 when it does not.

A script of its own without imports of the package, because it runs twice a minute.
"""

import os
import sys
import urllib.error
import urllib.request


def main() -> int:
    """Ask ``/health/live`` on the port that the worker listens on."""
    port = os.environ.get("ARCHIVEWORKER_PORT") or "8080"  # noqa: TID251 - stands alone, outside of the package
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=4) as answer:
            return 0 if answer.status == 200 else 1
    except (urllib.error.URLError, OSError) as exc:
        sys.stderr.write(f"no answer on port {port}: {exc}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
