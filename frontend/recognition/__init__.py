"""From an image to its text: admission, cache, TorchServe, post-processing."""
