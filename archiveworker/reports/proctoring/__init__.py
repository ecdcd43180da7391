"""Proctored exams on paper and in tables: a page for each person and exam, overviews, CSV files. Pure, no I/O."""
