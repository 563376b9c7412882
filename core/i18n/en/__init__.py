"""English messages of the core, a module for each room."""
