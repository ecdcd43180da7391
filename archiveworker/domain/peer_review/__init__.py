"""Peer review as one model, whatever LMS it was in: records, JSON, checks, copies for one person. Pure, no I/O.

``kinds`` and ``model`` are the records, ``codec`` and ``exchange`` their JSON, ``checks`` what the systems' own rules
imply, ``copies``, ``pseudonyms`` and ``identity`` what may be handed to whom.
"""
