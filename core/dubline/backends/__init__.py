"""Back ends: what each kind must do, and how one is found."""
