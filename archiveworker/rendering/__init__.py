"""Turns one page of an LMS into a PDF/A and, if asked, into HTML that lasts.

``renderer`` is the way through the room: shrink images (``images``, ``pixels``), serve the page from a gateway that is
Chromium's only way out (``gateway``, ``policy``, ``fetcher``, ``wire``, ``quiet``, ``certificate``), open it in a
browser of the pool (``pool``, ``contexts``, ``tabs``, ``browser``, ``chromium``, ``memory_limit``) over DevTools
Protocol (``cdp``), wait until it is ready (``ready``), print it, give the PDF its archival form (``pdfa``, ``pdftext``,
``glyphs``), look at what came out (``checks``) and keep the rendered page (``frozen``).
"""
