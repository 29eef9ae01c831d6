"""The command line: parse, call one journey, render.

main -> the application and its exit codes; render -> answers, errors and progress on a screen, a pipe or as JSON; every
other module is one command.
"""
