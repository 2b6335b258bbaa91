CREATE TABLE provider_blocks (
    provider varchar NOT NULL,
    kind varchar NOT NULL,
    model varchar NOT NULL,
    message varchar NOT NULL,
    credentials varchar NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz,
    CONSTRAINT pk_provider_blocks PRIMARY KEY (provider, kind, model)
);

CREATE TABLE provider_orphans (
    provider varchar NOT NULL,
    provider_object_id varchar NOT NULL,
    kind varchar NOT NULL,
    job_id varchar,
    outcome varchar NOT NULL,
    found_at timestamptz NOT NULL,
    CONSTRAINT pk_provider_orphans PRIMARY KEY (provider, provider_object_id)
);

CREATE TABLE provider_sweeps (
    provider varchar NOT NULL,
    ordered_at timestamptz NOT NULL,
    swept_at timestamptz,
    CONSTRAINT pk_provider_sweeps PRIMARY KEY (provider)
);

CREATE TABLE provider_webhooks (
    provider varchar NOT NULL,
    webhook_id varchar NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT pk_provider_webhooks PRIMARY KEY (provider, webhook_id)
);

CREATE TABLE retrains (
    id varchar NOT NULL,
    team_id varchar NOT NULL,
    key_id varchar NOT NULL,
    source_id varchar NOT NULL,
    provider varchar NOT NULL,
    model varchar NOT NULL,
    acknowledge_shutdown boolean NOT NULL,
    status varchar NOT NULL,
    error jsonb,
    estimated_cost_usd numeric NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT pk_retrains PRIMARY KEY (id),
    CONSTRAINT fk_retrains_source_id_tuned_models FOREIGN KEY (source_id) REFERENCES tuned_models (id),
    CONSTRAINT fk_retrains_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);
CREATE INDEX ix_retrains_team_id_created_at ON retrains (team_id, created_at);

CREATE TABLE jobs (
    id varchar NOT NULL,
    team_id varchar NOT NULL,
    key_id varchar NOT NULL,
    model varchar NOT NULL,
    base_model varchar NOT NULL,
    parent_id varchar,
    provider varchar NOT NULL,
    provider_model varchar NOT NULL,
    method_type varchar NOT NULL,
    method jsonb NOT NULL,
    hyperparameters jsonb,
    training_file varchar NOT NULL,
    validation_file varchar,
    suffix varchar,
    seed integer,
    metadata jsonb,
    integrations jsonb NOT NULL,
    retrain_id varchar,
    migration_id varchar,
    priority integer NOT NULL DEFAULT '0',
    request_hash bytea,
    status varchar NOT NULL,
    requested varchar,
    estimated_cost_usd numeric,
    price_id varchar NOT NULL,
    billed_by varchar NOT NULL DEFAULT 'tokens',
    provider_training_file varchar,
    provider_validation_file varchar,
    queued_at timestamptz,
    intended_at timestamptz,
    sent_at timestamptz,
    provider_job_id varchar,
    provider_status varchar,
    trained_tokens bigint,
    training_seconds double precision,
    base_identity jsonb,
    fine_tuned_model varchar,
    result_files varchar[] NOT NULL,
    error jsonb,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    finished_at timestamptz,
    estimated_finish timestamptz,
    CONSTRAINT pk_jobs PRIMARY KEY (id),
    CONSTRAINT fk_jobs_parent_id_tuned_models FOREIGN KEY (parent_id) REFERENCES tuned_models (id),
    CONSTRAINT fk_jobs_retrain_id_retrains FOREIGN KEY (retrain_id) REFERENCES retrains (id),
    CONSTRAINT fk_jobs_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT uq_jobs_provider_provider_job_id UNIQUE (provider, provider_job_id)
);
CREATE INDEX ix_jobs_at_work ON jobs (provider, base_model, team_id) WHERE intended_at IS NOT NULL AND finished_at IS NULL;
CREATE INDEX ix_jobs_key_id_request_hash ON jobs (key_id, request_hash, created_at);
CREATE INDEX ix_jobs_living ON jobs (provider, base_model) WHERE finished_at IS NULL;
CREATE INDEX ix_jobs_metadata ON jobs USING gin (metadata jsonb_path_ops) WITH (fastupdate = off);
CREATE INDEX ix_jobs_without_metadata ON jobs (team_id, created_at) WHERE coalesce(metadata, '{}') = '{}';
CREATE INDEX ix_jobs_provider_base_model_intended_at ON jobs (provider, base_model, intended_at);
CREATE INDEX ix_jobs_sent ON jobs (provider, base_model, team_id, intended_at);
CREATE INDEX ix_jobs_team_id_created_at ON jobs (team_id, created_at);
CREATE INDEX ix_jobs_unfinished ON jobs (team_id) WHERE finished_at IS NULL;
CREATE INDEX ix_jobs_waiting ON jobs (provider, base_model, team_id, (-priority), queued_at, id) INCLUDE (priority) WHERE queued_at IS NOT NULL AND intended_at IS NULL AND finished_at IS NULL;

CREATE TABLE job_checkpoints (
    id varchar NOT NULL,
    job_id varchar NOT NULL,
    model_id varchar NOT NULL,
    step integer NOT NULL,
    metrics jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_job_checkpoints PRIMARY KEY (id),
    CONSTRAINT fk_job_checkpoints_job_id_jobs FOREIGN KEY (job_id) REFERENCES jobs (id),
    CONSTRAINT fk_job_checkpoints_model_id_tuned_models FOREIGN KEY (model_id) REFERENCES tuned_models (id),
    CONSTRAINT uq_job_checkpoints_job_id_step UNIQUE (job_id, step)
);

CREATE TABLE retrain_steps (
    retrain_id varchar NOT NULL,
    position integer NOT NULL,
    source_job_id varchar NOT NULL,
    training_file varchar NOT NULL,
    validation_file varchar,
    checkpoint_step integer,
    job_id varchar,
    produced varchar,
    CONSTRAINT pk_retrain_steps PRIMARY KEY (retrain_id, position),
    CONSTRAINT fk_retrain_steps_job_id_jobs FOREIGN KEY (job_id) REFERENCES jobs (id),
    CONSTRAINT fk_retrain_steps_produced_tuned_models FOREIGN KEY (produced) REFERENCES tuned_models (id),
    CONSTRAINT fk_retrain_steps_retrain_id_retrains FOREIGN KEY (retrain_id) REFERENCES retrains (id),
    CONSTRAINT fk_retrain_steps_source_job_id_jobs FOREIGN KEY (source_job_id) REFERENCES jobs (id)
);
CREATE INDEX ix_retrain_steps_job_id ON retrain_steps (job_id);
