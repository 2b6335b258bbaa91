CREATE TABLE model_migrations (
    id varchar NOT NULL,
    team_id varchar NOT NULL,
    key_id varchar NOT NULL,
    request jsonb NOT NULL,
    plan jsonb NOT NULL,
    fingerprint varchar NOT NULL,
    status varchar NOT NULL,
    max_cost_usd numeric(30, 12),
    error varchar,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT pk_model_migrations PRIMARY KEY (id),
    CONSTRAINT fk_model_migrations_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);
CREATE INDEX ix_model_migrations_team_id_created_at ON model_migrations (team_id, created_at);

CREATE TABLE model_migration_steps (
    migration_id varchar NOT NULL,
    position integer NOT NULL,
    source_id varchar NOT NULL,
    source_job_id varchar NOT NULL,
    provider varchar NOT NULL,
    base varchar NOT NULL,
    body jsonb NOT NULL,
    starts_from integer,
    checkpoint_step integer,
    training_files varchar[] NOT NULL,
    training_file varchar,
    prompts_file varchar,
    training_usd numeric(30, 12) NOT NULL,
    comparison_usd numeric(30, 12) NOT NULL,
    status varchar NOT NULL,
    reason varchar,
    job_id varchar,
    produced varchar,
    comparison_id varchar,
    switched varchar[] NOT NULL,
    CONSTRAINT pk_model_migration_steps PRIMARY KEY (migration_id, position),
    CONSTRAINT fk_model_migration_steps_comparison_id_comparisons FOREIGN KEY (comparison_id) REFERENCES comparisons (id),
    CONSTRAINT fk_model_migration_steps_job_id_jobs FOREIGN KEY (job_id) REFERENCES jobs (id),
    CONSTRAINT fk_model_migration_steps_migration_id_model_migrations FOREIGN KEY (migration_id) REFERENCES model_migrations (id),
    CONSTRAINT fk_model_migration_steps_produced_tuned_models FOREIGN KEY (produced) REFERENCES tuned_models (id),
    CONSTRAINT fk_model_migration_steps_source_id_tuned_models FOREIGN KEY (source_id) REFERENCES tuned_models (id),
    CONSTRAINT fk_model_migration_steps_source_job_id_jobs FOREIGN KEY (source_job_id) REFERENCES jobs (id)
);
CREATE INDEX ix_model_migration_steps_comparison_id ON model_migration_steps (comparison_id);
CREATE INDEX ix_model_migration_steps_job_id ON model_migration_steps (job_id);
