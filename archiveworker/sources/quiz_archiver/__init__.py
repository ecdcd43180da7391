"""Moodle's plugin quiz_archiver, all versions: attempts of one quiz, and backups that Moodle makes itself."""

from archiveworker.sources.quiz_archiver.source import QuizArchiverSource

__all__ = ["QuizArchiverSource"]
