"""The composition root: settings read once, rooms wired, one module per journey.

settings -> holdfast.toml and HOLDFAST_*; project -> the open project; start, build, train, promote, serve, score,
outcomes, explain, validate, versions, replay, parity -> the journeys the command line calls; demo -> all of them.
"""
