"""Watching, side by side: the same recorded traffic and the same incidents, shown to us and to three other ways.

`tables` makes them with the drills' own sandbox · `judges/` each way in its own environment · `page` the comparison ·
`scale` the same at 100 features and up to a million predictions.
"""
