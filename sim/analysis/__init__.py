"""What draws say when they are asked why, if and when: numbers in, numbers out; no files, no scenario."""
