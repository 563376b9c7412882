"""Korean messages of the interface."""
