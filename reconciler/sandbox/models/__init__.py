"""What each model type makes of the data that reaches it, one file a family.

What a small machine can really compute is computed; public recognition models and detectors answer
with scripted scores and say so; everything else is a ``ModelFailure``, never a made-up result.
Nothing here knows of the store or of requests.
"""
