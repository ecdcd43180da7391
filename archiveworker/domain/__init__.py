"""The vocabulary of the worker: value types, error tree and ports. No I/O, no third-party imports."""
