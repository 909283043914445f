"""What is uncertain: shocks, worlds, and the draws of both."""
