"""Searches over inputs and annotations: what is asked, what passes the filters, how hits are ranked.

Nothing here knows a request or an answer of the service; ``handlers.searches`` does.
"""
