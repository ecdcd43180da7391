"""Things that tests start for real: a worker as a process of its own."""
