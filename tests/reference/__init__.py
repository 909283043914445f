"""The model once more: one draw in plain Python, written from the specification, to hold the engine against."""
