"""Third parties at the broker: what their topics are called and who reaches which."""
