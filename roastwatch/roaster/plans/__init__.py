"""Plans, the PID, and what follows or rehearses them."""
