"""Peer reviews on paper and in tables: a page for each work, an overview of the activity, CSV files. Pure, no I/O."""
