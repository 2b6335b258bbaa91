"""The broker, which only accelerates: messages that wake workers."""
