"""Variants from planned to ready: what a worker claims, and how each try ends."""
