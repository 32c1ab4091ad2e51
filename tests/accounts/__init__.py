"""Accounts against their definition: a naive oracle, random lives of registers, data folders."""
