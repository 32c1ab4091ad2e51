"""Groups of projects: who is in one, what member projects let it see, and what it is told."""
