"""Proctored exams of an Open edX (edx-proctoring 3.8 to 6.x), read over its REST interface."""

from archiveworker.sources.edx_proctoring.source import EdxProctoringSource

__all__ = ["EdxProctoringSource"]
