"""One file a notification channel."""
