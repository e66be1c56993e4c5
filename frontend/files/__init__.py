"""Files that come in: downloads, archives, images, PDFs."""
