"""Moodle Workshop, over the core web services: no plugin is needed.

``needs`` names what a token must be allowed, ``asking`` and ``harvest`` read, ``answers`` makes sense of fields,
``forms`` and ``mapping`` turn answers into records, ``private_files`` takes the archive back.
"""

from archiveworker.sources.workshop.source import WorkshopSource

__all__ = ["WorkshopSource"]
