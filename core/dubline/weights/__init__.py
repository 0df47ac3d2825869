"""The user's models: where they lie, what they are, how they come in."""
