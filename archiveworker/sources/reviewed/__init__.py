"""What all sources of peer reviews share: an activity is read whole, kept on the spool, checked, and turned into pages.

Only ``reader`` and what implements it talk to an LMS. ``collect`` and ``raw`` keep what came, ``base`` and ``copies``
decide what may be shown to whom, ``contents`` what stands where in the archive, ``connection`` is the port's side.
"""
