"""The full-screen interface over :mod:`core`. Front door: :func:`tui.app.run`."""
