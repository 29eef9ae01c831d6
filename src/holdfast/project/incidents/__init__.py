"""What is done about an incident: gathered, mitigated, verified, told, closed; every step a line in the ledger.

`case` folds the timeline, `stretch` the traffic before, during and after, `figures` what people suffered, `evidence`
what a playbook asks for, `playbooks` is data, `mitigate` what can be done at once, `tell` and `postmortem` the words.
"""
