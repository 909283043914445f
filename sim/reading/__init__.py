"""From files to a scenario: documents, shapes, checks and explanations."""
