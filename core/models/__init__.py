"""The models of the engine in use: list, show, fit, pull, create, remove, load, unload. Front door: :class:`core.models.desk.Models`."""
