"""Records of what was recognized: search, images, exports, deletion."""
