"""The thin Flask application in front of TorchServe."""
