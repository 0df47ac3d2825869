"""Text of languages: scripts, numbers, marks and formatting, sentences."""
