CREATE TABLE content_rows (
    team_id varchar NOT NULL,
    sha256 varchar NOT NULL,
    level integer NOT NULL,
    hashes bytea NOT NULL,
    lines bytea NOT NULL,
    CONSTRAINT pk_content_rows PRIMARY KEY (team_id, sha256),
    CONSTRAINT fk_content_rows_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);

CREATE TABLE contents (
    team_id varchar NOT NULL,
    sha256 varchar NOT NULL,
    size_bytes bigint NOT NULL,
    storage_keys varchar[] NOT NULL,
    inline bytea,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_contents PRIMARY KEY (team_id, sha256),
    CONSTRAINT fk_contents_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);

CREATE TABLE dataset_policies (
    team_id varchar NOT NULL,
    errors varchar[] NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_dataset_policies PRIMARY KEY (team_id),
    CONSTRAINT fk_dataset_policies_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);

CREATE TABLE file_copies (
    team_id varchar NOT NULL,
    sha256 varchar NOT NULL,
    provider varchar NOT NULL,
    provider_file_id varchar NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_file_copies PRIMARY KEY (team_id, sha256, provider),
    CONSTRAINT fk_file_copies_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT uq_file_copies_provider_provider_file_id UNIQUE (provider, provider_file_id)
);

CREATE TABLE files (
    id varchar NOT NULL,
    team_id varchar NOT NULL,
    purpose varchar NOT NULL,
    filename varchar NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 varchar NOT NULL,
    status varchar NOT NULL,
    status_details varchar,
    format varchar,
    report jsonb,
    errors_key varchar,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT pk_files PRIMARY KEY (id),
    CONSTRAINT fk_files_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);
CREATE INDEX ix_files_team_id_created_at_id ON files (team_id, created_at, id);
CREATE INDEX ix_files_team_id_purpose_created_at_id ON files (team_id, purpose, created_at, id);
CREATE INDEX ix_files_team_id_sha256 ON files (team_id, sha256);

CREATE TABLE token_counts (
    team_id varchar NOT NULL,
    sha256 varchar NOT NULL,
    provider varchar NOT NULL,
    model varchar NOT NULL,
    tokens jsonb,
    note varchar,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_token_counts PRIMARY KEY (team_id, sha256, provider, model),
    CONSTRAINT fk_token_counts_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);

CREATE TABLE derivations (
    id varchar NOT NULL,
    team_id varchar NOT NULL,
    source_id varchar NOT NULL,
    kind varchar NOT NULL,
    options jsonb NOT NULL,
    output_ids varchar[] NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_derivations PRIMARY KEY (id),
    CONSTRAINT fk_derivations_source_id_files FOREIGN KEY (source_id) REFERENCES files (id),
    CONSTRAINT fk_derivations_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);
CREATE INDEX ix_derivations_output_ids ON derivations USING gin (output_ids);
CREATE INDEX ix_derivations_team_id_source_id ON derivations (team_id, source_id);

CREATE TABLE file_uses (
    file_id varchar NOT NULL,
    used_by varchar NOT NULL,
    CONSTRAINT pk_file_uses PRIMARY KEY (file_id, used_by),
    CONSTRAINT fk_file_uses_file_id_files FOREIGN KEY (file_id) REFERENCES files (id)
);

CREATE TABLE reservations (
    key varchar NOT NULL,
    team_id varchar NOT NULL,
    upload_id varchar,
    size_bytes bigint NOT NULL,
    ends_at timestamptz,
    CONSTRAINT pk_reservations PRIMARY KEY (key),
    CONSTRAINT fk_reservations_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);
CREATE INDEX ix_reservations_team_id ON reservations (team_id);

CREATE TABLE uploads (
    id varchar NOT NULL,
    team_id varchar NOT NULL,
    filename varchar NOT NULL,
    purpose varchar NOT NULL,
    mime_type varchar NOT NULL,
    format varchar,
    size_bytes bigint NOT NULL,
    status varchar NOT NULL,
    file_expires_after_s integer,
    file_id varchar,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_uploads PRIMARY KEY (id),
    CONSTRAINT fk_uploads_file_id_files FOREIGN KEY (file_id) REFERENCES files (id),
    CONSTRAINT fk_uploads_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);
CREATE INDEX ix_uploads_team_id_created_at ON uploads (team_id, created_at);

CREATE TABLE upload_parts (
    id varchar NOT NULL,
    upload_id varchar NOT NULL,
    storage_key varchar NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 varchar NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_upload_parts PRIMARY KEY (id),
    CONSTRAINT fk_upload_parts_upload_id_uploads FOREIGN KEY (upload_id) REFERENCES uploads (id)
);
CREATE INDEX ix_upload_parts_upload_id ON upload_parts (upload_id);
