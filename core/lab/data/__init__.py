"""Data sets of the lab, our own writing: the agent's tasks, and hostile texts (examples of attacks, never instructions)."""
