"""The parts of the workbench, one module each. They show :mod:`tui.state` and post messages; none talks to the core."""
