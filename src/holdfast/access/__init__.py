"""Who may do what: a leaf that serving, the command line and later the console ask, and that knows none of them.

`roles` is the matrix, `callers` who was recognised, `keys` the API keys in a file, `tokens` JSON Web Tokens, `oidc`
where their keys come from, `recognise` one door for them all, `limits` how often, `binding` where one may listen.
"""
