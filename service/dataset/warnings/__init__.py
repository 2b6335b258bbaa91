"""Find warnings while a file is checked: possible problems that do not prevent training.

`found.py` has the codes. To add one: its code there; its search in `scan` (raw lines), `styles` (the whole
file), `finder` (examples) or `formats/calls` (tool calls); its row in `docs/guide/datasets.md`. The code
`shared_with_validation` belongs to two files together and is found by `files/overlap.py`.
"""
