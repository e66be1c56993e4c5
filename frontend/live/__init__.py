"""Live video over WebSockets."""
