"""The bean curve: rate of rise, phases, predictions, faults."""
