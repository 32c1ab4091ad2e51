"""Stock energies as people keep them: documents, rules of spreading, book stock."""
