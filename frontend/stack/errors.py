"""What the commands of the stack end with."""


class StackError(Exception):
    """It cannot be done; the message says why and what to do."""
