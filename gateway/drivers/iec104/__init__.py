"""IEC 60870-5-104: a controlling station of our own that listens; `apci` and `asdu` are pure."""
