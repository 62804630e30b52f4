"""Text for people: times, and text without control characters for terminals and logs."""
