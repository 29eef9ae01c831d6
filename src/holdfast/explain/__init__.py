"""Why a decision came out so, in words: exact contributions put together and weighed against a stated population.

`groups` says which features speak of one thing, `reasons` ranks the groups and words the first four (`words` has the
wording, `because` the form kept in the ledger). `reference` measures the population a bundle's reasons are told
against. `lime` is a second opinion, `counterfactual` the smallest change of what a person can change.
"""
