"""Arithmetic on sound that knows no stage."""
