"""Moodle's plugin family local_archiving: archivingmod_quiz and archivingmod_assign."""

from archiveworker.sources.archivingmod.source import ArchivingmodAssignSource, ArchivingmodQuizSource

__all__ = ["ArchivingmodAssignSource", "ArchivingmodQuizSource"]
