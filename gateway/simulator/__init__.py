"""The demo plant: devices that speak real Modbus TCP, built from the profiles the drivers read."""
