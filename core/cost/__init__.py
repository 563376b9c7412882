"""What calls, runs and sessions took: tokens, seconds, energy, money. Front door: :class:`core.cost.desk.Costs`."""
