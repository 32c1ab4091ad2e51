"""Tests: the gateway as a Sparkplug edge node, assertion by assertion."""
