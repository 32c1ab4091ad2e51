"""What the platform does with accounts and live values: alarms, notifications, people."""
