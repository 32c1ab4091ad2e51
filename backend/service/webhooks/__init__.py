"""News for other programs by HTTP: signed, tried again, kept until somebody looks."""
