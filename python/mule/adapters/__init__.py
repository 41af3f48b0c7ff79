"""Adapters: how mule talks to the test frameworks of Python."""
