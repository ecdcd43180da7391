"""A sidecar that gives a legacy LMS's database a read-only web API: the peer-review exchange API.

``mapping``, ``fields``, ``expressions`` and ``plan`` are the mapping language; ``values``, ``readers`` and ``records``
make records of rows; ``database``, ``rights`` and ``select`` speak with the database, ``uploads`` with the folder;
``reading`` and ``snapshots`` read an activity once and keep it; ``tokens`` and ``app`` serve it; ``check`` says what
does not fit; ``sidecar`` is all of it. To the worker it is just another LMS.

``exams`` and ``exams_app`` are the one preset that is no mapping: what edx-proctoring's web API does not give.
"""
