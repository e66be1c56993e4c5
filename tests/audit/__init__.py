"""What the project depends on: its versions, their known weaknesses, and their licences."""
