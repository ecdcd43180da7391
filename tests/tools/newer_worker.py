"""Runs ``archiveworker`` as if its workflows had the next form: for tests of rolling upgrades."""

import sys

from archiveworker.jobs import workflows

# Everybody else takes the number from there when it is imported.
workflows.WORKFLOW_VERSION = "2"  # type: ignore[misc]

from archiveworker.cli import main

sys.exit(main(sys.argv[1:]))
