"""Fine-tuning, optimising and packaging large models."""
