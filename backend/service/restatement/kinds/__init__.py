"""The kinds of changes that can be restated, one file each, listed in registry.py."""
