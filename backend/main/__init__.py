"""The composition root: the only place that knows every role and wires them to their parts.

`serve` runs PostgreSQL, the broker and all roles under one supervisor; `roles` is one process with
one or more of them; `database` and `once` are commands that end by themselves. What they name is
imported on first use.
"""
