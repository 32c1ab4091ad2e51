"""Protocol drivers: one file a protocol and one line in the registry."""
