"""Exact accounts: registers, rollup, calendar, tariff, factors, series."""
