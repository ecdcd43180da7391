"""Archive worker: pulls exams from a learning management system, hands back archives that anyone can check.

The rooms of the package, from the bottom up: ``domain`` (types and ports, no I/O), ``runtime`` (clock, processes,
HTTP, logging, spool), ``evidence`` and ``reports`` (pure builders), ``jobs`` (the workflows), then side by side
``sources``, ``rendering``, ``delivery``, ``web``, ``demo``, ``bridge`` and ``settings``, then ``composition`` (builds
every object) and ``cli``. Imports only go down; import-linter checks it.
"""

from importlib.metadata import version as _version

__version__ = _version("archiveworker")
