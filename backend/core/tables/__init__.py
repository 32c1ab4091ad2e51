"""Every table of the platform, one topic a file."""
