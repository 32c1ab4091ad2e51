"""The wire: quantities, units, quality, energy types, profiles, topics, messages.

The only part of gateway that backend may import.
"""
