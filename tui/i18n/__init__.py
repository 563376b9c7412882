"""The interface's messages, registered with :mod:`core.i18n` by :mod:`tui.app`."""
