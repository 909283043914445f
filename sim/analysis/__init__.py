"""Kernels of why, what if and what to do: numbers in, numbers out."""
