"""Makes a project from a template: tree, meters, contract, shifts, tariffs, factors, alarms."""
