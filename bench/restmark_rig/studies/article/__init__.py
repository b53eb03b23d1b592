"""The article that this project comes from, sentence by sentence, with today's figures."""
