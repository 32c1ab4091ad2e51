"""Signed software updates: staged, switched as a whole, watched, taken back by themselves."""
