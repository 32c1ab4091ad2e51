"""The demo plant: devices that speak real Modbus TCP, built from the profiles the drivers read."""

from gateway.simulator.command import add_arguments, main

__all__ = ["add_arguments", "main"]
