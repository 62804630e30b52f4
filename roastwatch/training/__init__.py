"""Train and export the pop net, and fine-tune large models."""
