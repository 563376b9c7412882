"""English messages of the interface."""
