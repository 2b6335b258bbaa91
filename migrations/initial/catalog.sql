CREATE TABLE prices (
    id varchar NOT NULL,
    provider_kind varchar NOT NULL,
    model varchar NOT NULL,
    method varchar,
    kind varchar NOT NULL,
    tier varchar NOT NULL,
    unit_quantity integer NOT NULL,
    amount_usd numeric(18, 6) NOT NULL,
    effective_from timestamptz NOT NULL,
    source varchar NOT NULL,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    CONSTRAINT pk_prices PRIMARY KEY (id),
    CONSTRAINT uq_prices_natural_key UNIQUE NULLS NOT DISTINCT (provider_kind, model, method, kind, tier, effective_from),
    CONSTRAINT ck_prices_amount_not_negative CHECK (amount_usd >= 0),
    CONSTRAINT ck_prices_unit_quantity_exact CHECK (unit_quantity IN (1, 1000, 1000000))
);
