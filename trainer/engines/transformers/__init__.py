"""Real tuning of models on this machine; nothing here is imported unless the engine is chosen.

bases     which models lie where, and what they are          engine    what the server talks to
prepare   a job's files as tokens, and its plan              child     the process that trains, from outside
loop      one optimiser step after the other                 worker    the process that trains, from inside
serving   answers of a model                                 models    loading and saving weights

Training runs in a process of its own, so that running out of memory fails a job and not the server.
"""
