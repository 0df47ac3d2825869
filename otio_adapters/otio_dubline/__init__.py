"""Timelines: built, read and exported with OpenTimelineIO."""
