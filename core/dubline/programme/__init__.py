"""What lies on a run's timeline: every export and the plan for Resolve come from it."""
