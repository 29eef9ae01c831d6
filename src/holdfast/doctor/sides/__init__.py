"""Where a side comes from: exported files (`plain`), a bundle, a project, or a running server.

Each module has one function that answers a `Side`, and says in it what could not be told. `opened` finds out which of
them a word on the command line means.
"""
