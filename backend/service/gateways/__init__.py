"""Gateways as people look after them: who may speak for one, and how it got there."""
