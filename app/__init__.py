"""Safelight: an image server that lets you watch your pictures develop."""

__version__ = "0.1.0"
