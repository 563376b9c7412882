"""The performance lab: experiments on the engine, their rows, statistics, comparison and export."""
