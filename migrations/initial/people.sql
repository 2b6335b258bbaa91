CREATE TABLE person_sessions (
    digest bytea NOT NULL,
    id varchar NOT NULL,
    key_id varchar NOT NULL,
    key_secret bytea,
    acting_team_id varchar,
    ip varchar,
    user_agent varchar,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT pk_person_sessions PRIMARY KEY (digest),
    CONSTRAINT fk_person_sessions_acting_team_id_teams FOREIGN KEY (acting_team_id) REFERENCES teams (id)
);
CREATE UNIQUE INDEX uq_person_sessions_id ON person_sessions (id);
CREATE INDEX ix_person_sessions_key_id ON person_sessions (key_id);
CREATE INDEX ix_person_sessions_created_at ON person_sessions (created_at);

CREATE TABLE sign_in_links (
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT pk_sign_in_links PRIMARY KEY (digest)
);
CREATE INDEX ix_sign_in_links_created_at ON sign_in_links (created_at);
