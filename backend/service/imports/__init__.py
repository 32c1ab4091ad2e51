"""Files that people bring: looked at first, then applied as a whole or as far as they are good."""
