"""What is worth a look in a file that can be trained: warnings, found while it is checked.

Codes: `duplicate`, `near_duplicate`, `secret`, `personal_data`, `html`, `control_characters`, `truncated`,
`label_imbalance`, `few_examples_per_label`, `system_prompts_differ`, `mixed_languages`, `missing_separator`,
`missing_stop`, `missing_space`, `separator_in_prompt`, `same_outputs`, and of two files together
`shared_with_validation`.
"""
