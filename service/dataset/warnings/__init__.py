"""Find warnings while a file is checked: possible problems that do not prevent training.

Codes: `duplicate`, `near_duplicate`, `secret`, `personal_data`, `html`, `control_characters`, `truncated`,
`label_imbalance`, `few_examples_per_label`, `system_prompts_differ`, `mixed_languages`, `missing_separator`,
`missing_stop`, `missing_space`, `separator_in_prompt`, `same_outputs`, and of two files together
`shared_with_validation`.
"""
