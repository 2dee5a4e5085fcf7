"""How an image becomes numbers: a graph, and what is made of its outputs."""
