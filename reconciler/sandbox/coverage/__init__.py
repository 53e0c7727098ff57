"""What the sandbox covers of the platform, and how well each behaviour is known: a page about itself.

What is there is asked of the sandbox's own tables and of its engine; what it is taken from is written
down here, once for each method, model type and habit. Nothing here answers requests.
"""
