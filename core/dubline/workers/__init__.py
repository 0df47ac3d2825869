"""Processes in environments of their own."""
