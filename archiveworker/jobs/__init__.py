"""The workflows: the way of the data from a request to a delivered archive, seen through ports.

``engine`` starts and stops DBOS and takes jobs in; ``workflows`` holds the durable functions; ``item``, ``package`` and
``finish`` do the work of their steps; ``records`` says how anything of ours is stored; ``story`` tells what happened.
"""
