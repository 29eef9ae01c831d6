"""What people and programs get to see of a verdict, and where it is kept.

`plain` evidence as JSON · `document` the verdict as one JSON document · `schema` its published shape · `compare` what
changed since another · `keep` content-addressed files and MLflow (`attach`) · `terminal` the table · `page` the HTML
page, from `words`, `style`, `evidence` (by its shape), `known` (by its code) and `plots`.
"""
