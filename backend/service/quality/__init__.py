"""Data quality: which stretches of an account stand on what, why, and one published score."""
