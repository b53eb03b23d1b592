"""A soak of restmarkd: good and hostile load at once, one fault after another from a seed, and a judgement of what became of it all."""
