"""Features online: points of each entity in an ordered key-value file (LMDB), equal in every bit to batch.

keys -> names in the file; tree, ranges, ordered -> the structures of points; points -> from an event's body to its
points; events -> what is known of each event; state, snapshot, writing -> the file, read and written; reads -> a
contract's aggregates; bulk -> history at once; durability -> what a crash and a power cut leave.
"""
