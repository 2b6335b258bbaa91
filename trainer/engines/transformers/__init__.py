"""The transformers engine: tunes models on this machine. Imported only if the engine is chosen.

bases     finds the base models and their kinds     engine    the engine that the server uses
prepare   tokenises a job's files and plans it      child     starts and controls the training process
loop      runs one optimiser step after the other   worker    runs inside the training process
serving   answers prompts                           models    loads and saves weights

Training runs in a process of its own, so that running out of memory fails a job and not the server.
"""
