CREATE TABLE work_items (
    kind varchar NOT NULL,
    subject_id varchar NOT NULL,
    next_step_at timestamptz NOT NULL,
    generation integer NOT NULL,
    attempts integer NOT NULL,
    lease_id uuid,
    leased_until timestamptz,
    woken_at timestamptz,
    last_error varchar,
    args jsonb,
    team_id varchar,
    traceparent varchar,
    CONSTRAINT pk_work_items PRIMARY KEY (kind, subject_id)
);
CREATE INDEX ix_work_items_next_step_at ON work_items (next_step_at);

CREATE TABLE worker_heartbeats (
    id varchar NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT pk_worker_heartbeats PRIMARY KEY (id)
);
