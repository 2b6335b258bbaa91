CREATE TABLE announced_shutdowns (
    provider varchar NOT NULL,
    model varchar NOT NULL,
    shutdown_date date NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT pk_announced_shutdowns PRIMARY KEY (provider, model)
);

CREATE TABLE shutdown_polls (
    provider varchar NOT NULL,
    scheduled_at timestamptz NOT NULL,
    CONSTRAINT pk_shutdown_polls PRIMARY KEY (provider)
);

CREATE TABLE aliases (
    team_id varchar NOT NULL,
    name varchar NOT NULL,
    model varchar,
    version integer NOT NULL,
    CONSTRAINT pk_aliases PRIMARY KEY (team_id, name),
    CONSTRAINT fk_aliases_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);
CREATE INDEX ix_aliases_team_id_model ON aliases (team_id, model);

CREATE TABLE shutdown_notices (
    team_id varchar NOT NULL,
    provider varchar NOT NULL,
    base_model varchar NOT NULL,
    shutdown_date date NOT NULL,
    days integer NOT NULL,
    sent_at timestamptz NOT NULL,
    CONSTRAINT pk_shutdown_notices PRIMARY KEY (team_id, provider, base_model, shutdown_date, days),
    CONSTRAINT fk_shutdown_notices_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);

CREATE TABLE tuned_models (
    id varchar NOT NULL,
    team_id varchar NOT NULL,
    kind varchar NOT NULL,
    provider varchar NOT NULL,
    provider_model varchar NOT NULL,
    deployment varchar,
    base_model varchar NOT NULL,
    parent_id varchar,
    job_id varchar NOT NULL,
    step integer,
    training_file varchar NOT NULL,
    validation_file varchar,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz,
    shutdown_date date,
    migrated_from varchar,
    CONSTRAINT pk_tuned_models PRIMARY KEY (id),
    CONSTRAINT fk_tuned_models_migrated_from_tuned_models FOREIGN KEY (migrated_from) REFERENCES tuned_models (id),
    CONSTRAINT fk_tuned_models_parent_id_tuned_models FOREIGN KEY (parent_id) REFERENCES tuned_models (id),
    CONSTRAINT fk_tuned_models_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT uq_tuned_models_job_id_provider_model UNIQUE (job_id, provider_model),
    CONSTRAINT uq_tuned_models_provider_deployment UNIQUE (provider, deployment),
    CONSTRAINT uq_tuned_models_provider_provider_model UNIQUE (provider, provider_model)
);
CREATE INDEX ix_tuned_models_migrated_from ON tuned_models (migrated_from);
CREATE INDEX ix_tuned_models_parent_id ON tuned_models (parent_id);
CREATE INDEX ix_tuned_models_team_id_created_at ON tuned_models (team_id, created_at);
CREATE INDEX ix_tuned_models_team_id_training_file ON tuned_models (team_id, training_file);

CREATE TABLE alias_changes (
    team_id varchar NOT NULL,
    name varchar NOT NULL,
    version integer NOT NULL,
    model varchar,
    key_id varchar NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT pk_alias_changes PRIMARY KEY (team_id, name, version),
    CONSTRAINT fk_alias_changes_team_id_name_aliases FOREIGN KEY (team_id, name) REFERENCES aliases (team_id, name)
);

CREATE TABLE deployments (
    id varchar NOT NULL,
    team_id varchar NOT NULL,
    key_id varchar,
    model_id varchar NOT NULL,
    provider varchar NOT NULL,
    base_model varchar NOT NULL,
    made_by varchar NOT NULL,
    state varchar NOT NULL,
    turn integer NOT NULL,
    price_id varchar,
    provider_deployment varchar,
    intended_at timestamptz,
    started_at timestamptz,
    seen_at timestamptz,
    metered_until timestamptz,
    held_until timestamptz,
    ended_at timestamptz,
    stops_for varchar,
    idle_after_hours integer,
    on_idle varchar NOT NULL,
    on_budget_end varchar NOT NULL,
    wake_on_request boolean NOT NULL,
    last_used_at timestamptz,
    error varchar,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_deployments PRIMARY KEY (id),
    CONSTRAINT fk_deployments_model_id_tuned_models FOREIGN KEY (model_id) REFERENCES tuned_models (id),
    CONSTRAINT fk_deployments_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT ck_deployments_maker_known CHECK (made_by IN ('tunehouse', 'admin')),
    CONSTRAINT ck_deployments_state_known
        CHECK (state IN ('deploying', 'ready', 'stopping', 'asleep', 'ended', 'failed'))
);
CREATE UNIQUE INDEX uq_deployments_model_id_living ON deployments (model_id) WHERE state NOT IN ('ended', 'failed');
CREATE INDEX ix_deployments_team_id_model_id ON deployments (team_id, model_id);
