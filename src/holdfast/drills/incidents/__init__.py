"""The incidents themselves, family by family; `catalog` lists them all.

`inputs` what is sent is other than it was, `garbage` what nobody may answer, `population` who asks and when, `outcomes`
what became of it, `place` where it is answered, `version` what was trained, `rows` what two places hold,
`ground` backups.
"""
