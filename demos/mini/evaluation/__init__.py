"""`make evaluate`: what the committed mini suite hears of a world it was not trained on.

Held-out parameter ranges, voices and seeds; every number goes through the same engine, weights and
instructions as the page. `figures` are numbers with intervals, `held_out` the clips, `listening` who hears
them, and each system has a module that asks it. `details` keeps what went wrong, `failures` makes it heard.
"""
