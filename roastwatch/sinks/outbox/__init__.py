"""Events and alerts that wait for delivery."""
