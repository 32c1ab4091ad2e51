"""Scripts of the repository: set-up, checks, tests and what they generate."""
