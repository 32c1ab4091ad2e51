"""Changes with effect in the past: proposed, tried, decided, applied as a version of accounts."""
