"""The values that travel between stages, and what a person may ask of each."""
