"""What is uncertain: distributions, shocks and the draws of both."""
