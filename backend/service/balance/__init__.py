"""Balances: what goes into a place, what comes out below it, and what the difference tells."""
