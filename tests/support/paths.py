"""Where the checkout lies, and what lies beside it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
"""Photographs, hostile files and the contract, which are no part of the project; tests skip where they are absent."""
