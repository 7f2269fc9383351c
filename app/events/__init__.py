"""Hints that something changed, from every process to every other."""
