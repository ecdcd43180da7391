"""The real edx-proctoring, served for tests: ``bed`` installs, fills and starts it; ``lms`` runs in its environment."""
