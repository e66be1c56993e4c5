"""Lines for training: crops of unsure and corrected ones, which to correct next, and their export."""
