"""What is handed on of a study: numbers and tables in, bytes out."""
