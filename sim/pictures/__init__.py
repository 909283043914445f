"""The pictures: one function each, results in, figure out."""
