"""How a gateway comes to its certificate, keeps it, and judges the platform's."""
