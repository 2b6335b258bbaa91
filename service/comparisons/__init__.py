"""Two models on the same held-out prompts: was the fine-tune worth it?"""
