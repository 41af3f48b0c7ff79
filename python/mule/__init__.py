"""The Python side of mule. Importing it costs nothing."""

__version__ = "0.1.0"
