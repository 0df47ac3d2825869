"""From a transcript to a translation that fits its time."""
