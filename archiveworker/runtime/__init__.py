"""What every room needs from the machine: clock, child processes, HTTP, logging, spool, packaged resources."""
