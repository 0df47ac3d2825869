"""What fits: how long a line takes, and the time there is for it."""
