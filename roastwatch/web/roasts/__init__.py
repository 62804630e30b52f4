"""The pages of recorded roasts: what the roast log keeps, its sound, and what people say of it."""
