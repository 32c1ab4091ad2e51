"""Meters that answer lines of text over TCP: an example of a driver outside Kilowise."""
