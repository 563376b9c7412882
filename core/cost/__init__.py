"""What tokens cost: seconds, energy and money, here and at hosted models. Front door: :class:`core.cost.desk.Costs`."""
