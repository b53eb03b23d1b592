"""One module for each command of restmark."""
