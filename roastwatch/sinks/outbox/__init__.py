"""What waits until it is delivered."""
