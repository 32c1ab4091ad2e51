"""JSON topics for third parties."""
