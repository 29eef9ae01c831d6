"""The doctor: why research and production disagree, cause by cause, the likeliest first.

`side` is what one of the two can tell, `sides` reads it from a bundle, a project, a server or exported files, `pair`
lays two sides on each other, `causes` holds one cause a file, `catalog` lists them, `diagnose` asks them all and puts
what was found in order, and `journey` is what `holdfast doctor` does.
"""
