"""What becomes of the audit beyond being read: verified, and told to a log server."""
