"""Frameworks, each imported in its own package only."""
