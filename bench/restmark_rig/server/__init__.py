"""A running server: started, ready, watched and stopped."""
