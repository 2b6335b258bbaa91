CREATE TABLE webhook_endpoints (
    id varchar NOT NULL,
    team_id varchar,
    name varchar NOT NULL,
    url varchar NOT NULL,
    event_types varchar[] NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    disabled_at timestamptz,
    disabled_reason varchar,
    failing_since timestamptz,
    deleted_at timestamptz,
    CONSTRAINT pk_webhook_endpoints PRIMARY KEY (id),
    CONSTRAINT fk_webhook_endpoints_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);
CREATE INDEX ix_webhook_endpoints_team_id_created_at ON webhook_endpoints (team_id, created_at);

CREATE TABLE webhook_deliveries (
    id varchar NOT NULL,
    team_id varchar,
    endpoint_id varchar NOT NULL,
    event_id varchar NOT NULL,
    event_type varchar NOT NULL,
    state varchar NOT NULL,
    failures integer NOT NULL,
    created_at timestamptz NOT NULL,
    next_attempt_at timestamptz,
    delivered_at timestamptz,
    CONSTRAINT pk_webhook_deliveries PRIMARY KEY (id),
    CONSTRAINT fk_webhook_deliveries_endpoint_id_webhook_endpoints FOREIGN KEY (endpoint_id) REFERENCES webhook_endpoints (id),
    CONSTRAINT fk_webhook_deliveries_event_id_events FOREIGN KEY (event_id) REFERENCES events (id),
    CONSTRAINT fk_webhook_deliveries_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT uq_webhook_deliveries_endpoint_id_event_id UNIQUE (endpoint_id, event_id)
);
CREATE INDEX ix_webhook_deliveries_created_at ON webhook_deliveries (created_at);
CREATE INDEX ix_webhook_deliveries_endpoint_id_pending ON webhook_deliveries (endpoint_id) WHERE state = 'pending';
CREATE INDEX ix_webhook_deliveries_event_id ON webhook_deliveries (event_id);
CREATE INDEX ix_webhook_deliveries_team_id_created_at ON webhook_deliveries (team_id, created_at);
CREATE INDEX ix_webhook_deliveries_undelivered ON webhook_deliveries (team_id, created_at) WHERE state <> 'delivered';

CREATE TABLE webhook_secrets (
    id varchar NOT NULL,
    endpoint_id varchar NOT NULL,
    secret varchar NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    CONSTRAINT pk_webhook_secrets PRIMARY KEY (id),
    CONSTRAINT fk_webhook_secrets_endpoint_id_webhook_endpoints FOREIGN KEY (endpoint_id) REFERENCES webhook_endpoints (id)
);
CREATE INDEX ix_webhook_secrets_endpoint_id ON webhook_secrets (endpoint_id);

CREATE TABLE webhook_attempts (
    delivery_id varchar NOT NULL,
    number integer NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    status_code integer,
    error varchar,
    response_excerpt varchar NOT NULL,
    CONSTRAINT pk_webhook_attempts PRIMARY KEY (delivery_id, number),
    CONSTRAINT fk_webhook_attempts_delivery_id_webhook_deliveries FOREIGN KEY (delivery_id) REFERENCES webhook_deliveries (id)
);
