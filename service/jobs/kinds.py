"""The kinds of work that jobs schedule; `worker/steps` has the step for each kind."""

ADVANCE_JOB = "job.advance"  # take a job one step further
COPY_FILE = "file.copy"  # copy one content to one provider
ADVANCE_RETRAIN = "model.retrain"  # create the next job of a retrain
SWEEP_PROVIDER = "provider.sweep"  # search a provider for jobs and files without a row
LIST_JOBS = "provider.list_jobs"  # find the jobs whose status has changed at a provider
RECONCILE_PROVIDER = "provider.reconcile"  # compare our books with a provider's
