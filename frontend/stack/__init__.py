"""`make run`: all servers on one machine."""
