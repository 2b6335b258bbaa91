CREATE TABLE rate_limits (
    subject_id varchar NOT NULL,
    team_id varchar NOT NULL,
    requests_per_minute integer,
    tokens_per_minute integer,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_rate_limits PRIMARY KEY (subject_id),
    CONSTRAINT fk_rate_limits_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT ck_rate_limits_limits_positive CHECK (requests_per_minute > 0 AND tokens_per_minute > 0)
);

CREATE TABLE inference_attempts (
    team_id varchar NOT NULL,
    key_id varchar NOT NULL,
    mark bytea NOT NULL,
    fingerprint bytea NOT NULL,
    subject_id varchar NOT NULL,
    state varchar NOT NULL,
    body bytea,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_inference_attempts PRIMARY KEY (team_id, key_id, mark),
    CONSTRAINT fk_inference_attempts_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT ck_inference_attempts_state_known CHECK (state IN ('running', 'answered', 'charged')),
    CONSTRAINT ck_inference_attempts_answered_with_body CHECK ((state = 'answered') = (body IS NOT NULL))
);
CREATE INDEX ix_inference_attempts_created_at ON inference_attempts (created_at);
