"""The plant as people see it: nodes, meters, devices, gateways and what belongs to what."""
