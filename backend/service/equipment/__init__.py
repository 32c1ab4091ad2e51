"""Equipment: off, idle or under load, its hours, starts and idling, and its specific figures."""
