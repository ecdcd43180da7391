"""Targets for archives that are not the LMS which posted the job (docs/adr/0004). Nothing yet: both plugins wait."""
