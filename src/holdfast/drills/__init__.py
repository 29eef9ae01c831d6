"""Fire drills: an incident put into a copy of the user's own project, and what caught it.

`drill` is the protocol of one, `catalog` all of them, `sandbox` the copy with its real server, `report` what was seen.
The watch sees the traffic alone, never what a drill knows.
"""
