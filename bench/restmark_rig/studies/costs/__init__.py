"""What it costs to live with a stack: experiments, rules, texts, and the bill that is made of them."""
