"""Formulas: arrays in, arrays out; no files, no random numbers, no scenario."""
