"""Plans on the page: their files, their checks, and their rehearsal on the simulated roaster."""
