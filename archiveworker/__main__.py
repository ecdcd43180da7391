"""``python -m archiveworker`` is the same as ``archiveworker``."""

import sys

from archiveworker.cli import main

if __name__ == "__main__":
    sys.exit(main())
