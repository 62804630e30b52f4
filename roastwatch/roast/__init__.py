"""The pure state of one roast: phases, priors, and the bean curve."""
