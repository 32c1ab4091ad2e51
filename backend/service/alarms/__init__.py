"""Alarm definitions, evaluation and ISA-18.2 states."""
