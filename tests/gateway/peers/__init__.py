"""Independent stations and servers, each a process of its own, that the drivers are tried on."""
