"""A plant's calendar as people set it: states, shift patterns, weeks and months, imports."""
