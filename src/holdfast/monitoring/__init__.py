"""What comes in and goes out of a live model, counted; and what is wrong with it, said in time.

`counts` is the shape of what was counted, `counting` makes it from the ledger, `store` keeps it, `reference` says what
training looked like, `watch` is the protocol of one question, `seen` what it may look at, `catalog` all of them.
But for `counting` and `store` nothing here reads a file; nothing reads a clock or a socket.
"""
