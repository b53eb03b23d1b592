"""What the commands do; what they are called and which options they have stands in commands, which starts fast."""
