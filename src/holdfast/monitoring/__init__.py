"""What comes in and goes out of a live model, counted; and what is wrong with it, said in time.

`counts` is the shape of what was counted, `reference` what training looked like, `watch` the protocol of one question,
`seen` what a question may look at, `catalog` all of them. Nothing here reads a clock, a file or a socket.
"""
