"""Proctored exams as one model: records, their JSON, what the LMS answers, checks, pseudonyms. Pure, no I/O.

``kinds`` and ``model`` are the records, ``wire`` and ``reading`` turn answers of edx-proctoring (3.8 to 6.x) into them,
``export`` what its REST interface does not give, ``checks`` what its own rules imply, ``timeline`` what happened when.
"""
