"""People, sessions and permissions."""
