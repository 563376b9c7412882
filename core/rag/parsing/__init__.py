"""Files into text: one small module per format, run in a limited child process (:mod:`.parse_child`)."""
