"""The one expression kernel: a row and a column of rows, the same bits.

operations -> which nodes there are; scalar -> a contract compiled into one Python function; columns -> the same nodes
over numpy; elementary, sigmoid -> our own exp, log and pow; rounding, calendar, words -> single operations in both
forms; limbs, finish -> exact integer sums, and the mean, total and deviation finished from them.
"""
