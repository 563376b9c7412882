"""Whole screens: the workbench, and what opens above it."""
