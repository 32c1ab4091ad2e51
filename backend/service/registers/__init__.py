"""What people say of registers: events of the running day, and how readings were judged."""
