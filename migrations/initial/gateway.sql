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
