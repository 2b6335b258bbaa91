"""The kinds of provider: what each can do, and the adapters that differ from OpenAI's."""
