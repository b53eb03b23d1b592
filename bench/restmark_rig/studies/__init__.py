"""Studies: experiments on this machine that answer a question, claim by claim. Each is a folder of its own, which the rest here knows nothing of."""
