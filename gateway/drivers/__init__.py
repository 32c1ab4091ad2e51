"""One file a field protocol, behind small capability protocols (reads, writes, discovers)."""
