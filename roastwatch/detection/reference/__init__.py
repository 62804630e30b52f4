"""A second microphone that stands away from the roaster: what is louder there is not a crack."""
