CREATE TABLE departments (
    id varchar NOT NULL,
    name varchar NOT NULL,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT pk_departments PRIMARY KEY (id)
);

CREATE TABLE team_allocations (
    team_id varchar NOT NULL,
    effective_from timestamptz NOT NULL,
    department_id varchar,
    cost_center varchar,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_team_allocations PRIMARY KEY (team_id, effective_from),
    CONSTRAINT fk_team_allocations_department_id_departments FOREIGN KEY (department_id) REFERENCES departments (id),
    CONSTRAINT fk_team_allocations_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);
CREATE INDEX ix_team_allocations_department_id ON team_allocations (department_id);

CREATE TABLE accounts (
    id varchar NOT NULL,
    team_id varchar,
    scope varchar NOT NULL,
    held_usd numeric(30, 12) NOT NULL DEFAULT 0,
    spent_usd numeric(30, 12) NOT NULL DEFAULT 0,
    month date NOT NULL,
    month_spent_usd numeric(30, 12) NOT NULL DEFAULT 0,
    last_number bigint NOT NULL DEFAULT 0,
    closed_before timestamptz,
    ref integer GENERATED ALWAYS AS IDENTITY,
    CONSTRAINT pk_accounts PRIMARY KEY (id),
    CONSTRAINT uq_accounts_ref UNIQUE (ref),
    CONSTRAINT fk_accounts_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT ck_accounts_held_not_negative CHECK (held_usd >= 0),
    CONSTRAINT ck_accounts_scope_known CHECK (scope IN ('organization', 'department', 'team', 'key', 'job')),
    CONSTRAINT ck_accounts_team_unless_shared CHECK ((team_id IS NULL) = (scope IN ('organization', 'department')))
) WITH (fillfactor = 50);
CREATE INDEX ix_accounts_team_id ON accounts (team_id);

CREATE TABLE budgets (
    account_id varchar NOT NULL,
    limit_usd numeric(18, 6),
    period varchar NOT NULL,
    thresholds integer[] NOT NULL,
    held_thresholds integer[] NOT NULL,
    forecast_thresholds integer[] NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_budgets PRIMARY KEY (account_id),
    CONSTRAINT fk_budgets_account_id_accounts FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT ck_budgets_limit_not_negative CHECK (limit_usd >= 0),
    CONSTRAINT ck_budgets_period_known CHECK (period IN ('month', 'total'))
);

CREATE TABLE budget_alerts (
    account_id varchar NOT NULL,
    period varchar NOT NULL,
    limit_usd numeric(18, 6) NOT NULL,
    basis varchar NOT NULL,
    threshold integer NOT NULL,
    announced_at timestamptz NOT NULL,
    CONSTRAINT pk_budget_alerts PRIMARY KEY (account_id, period, limit_usd, basis, threshold),
    CONSTRAINT fk_budget_alerts_account_id_accounts FOREIGN KEY (account_id) REFERENCES accounts (id)
);

CREATE TABLE holds (
    team_id varchar NOT NULL,
    subject_id varchar NOT NULL,
    key_id varchar,
    amount_usd numeric(30, 12) NOT NULL,
    placed_at timestamptz NOT NULL,
    expires_at timestamptz,
    department_id varchar,
    lost jsonb,
    CONSTRAINT pk_holds PRIMARY KEY (team_id, subject_id),
    CONSTRAINT ck_holds_amount_not_negative CHECK (amount_usd >= 0)
);
CREATE INDEX ix_holds_expires_at ON holds (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE ledger_forms (
    id integer GENERATED ALWAYS AS IDENTITY,
    digest uuid NOT NULL,
    team_id varchar NOT NULL,
    key_id varchar,
    model varchar,
    base_model varchar,
    provider varchar,
    method varchar,
    tags jsonb NOT NULL,
    tagged_in date,
    department_id varchar,
    cost_center varchar,
    kinds varchar[] NOT NULL,
    units varchar[] NOT NULL,
    tiers varchar[] NOT NULL,
    price_ids varchar[] NOT NULL,
    prices_usd numeric(18, 6)[] NOT NULL,
    unit_quantities integer[] NOT NULL,
    CONSTRAINT pk_ledger_forms PRIMARY KEY (id),
    CONSTRAINT uq_ledger_forms_digest UNIQUE (digest),
    CONSTRAINT ck_ledger_forms_as_many_of_each CHECK (
        cardinality(kinds) BETWEEN 1 AND 32 AND cardinality(kinds) = ALL (ARRAY[cardinality(units),
        cardinality(tiers), cardinality(price_ids), cardinality(prices_usd), cardinality(unit_quantities)]))
);

CREATE INDEX ix_ledger_forms_team_id_tagged_in ON ledger_forms (team_id, tagged_in) WHERE tagged_in IS NOT NULL;

-- Partitions are added by `ledger_add_month`, with a unique index on the key and one on the account and number.
-- The columns are ordered so that no bytes are lost to alignment.
CREATE TABLE ledger_rows (
    number bigint NOT NULL,
    booked_at timestamptz NOT NULL,
    account_ref integer NOT NULL,
    form_id integer NOT NULL,
    in_month_budget boolean NOT NULL DEFAULT true,
    unique_key varchar NOT NULL,
    quantities numeric[] NOT NULL,
    occurred_at timestamptz,
    recorded_at timestamptz,
    corrects bigint,
    subject_id varchar,
    job_id varchar,
    reason varchar,
    states varchar[],
    CONSTRAINT ck_ledger_rows_states_known CHECK (array_remove(states, NULL) <@ ARRAY['uncertain', 'implausible', 'above_budget']::varchar[]),
    CONSTRAINT ck_ledger_rows_negative_for_a_reason CHECK (0 <= ALL (quantities) OR reason IS NOT NULL)
) PARTITION BY RANGE (booked_at);
CREATE INDEX ix_ledger_rows_booked_at ON ledger_rows USING brin (booked_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX ix_ledger_rows_job_id ON ledger_rows (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX ix_ledger_rows_account_ref_corrects ON ledger_rows (account_ref, corrects) WHERE corrects IS NOT NULL;
CREATE INDEX ix_ledger_rows_account_ref_booked_at ON ledger_rows (account_ref, booked_at) WHERE reason IS NOT NULL;

CREATE TABLE ledger_groups (
    id uuid NOT NULL,
    team_id varchar NOT NULL,
    key_id varchar,
    kind varchar NOT NULL,
    unit varchar NOT NULL,
    tier varchar NOT NULL,
    model varchar,
    base_model varchar,
    provider varchar,
    method varchar,
    job_id varchar,
    price_id varchar,
    is_correction boolean NOT NULL,
    tags jsonb NOT NULL,
    department_id varchar,
    cost_center varchar,
    CONSTRAINT pk_ledger_groups PRIMARY KEY (id)
);

CREATE TABLE ledger_days (
    team_id varchar NOT NULL,
    day date NOT NULL,
    group_id uuid NOT NULL,
    entries bigint NOT NULL,
    quantity numeric(30, 6) NOT NULL,
    amount_usd numeric(30, 12) NOT NULL,
    CONSTRAINT pk_ledger_days PRIMARY KEY (team_id, day, group_id)
) WITH (fillfactor = 70);
CREATE INDEX ix_ledger_days_day ON ledger_days (day);

CREATE TABLE ledger_months (
    team_id varchar NOT NULL,
    month date NOT NULL,
    group_id uuid NOT NULL,
    entries bigint NOT NULL,
    quantity numeric(30, 6) NOT NULL,
    amount_usd numeric(30, 12) NOT NULL,
    CONSTRAINT pk_ledger_months PRIMARY KEY (team_id, month, group_id)
) WITH (fillfactor = 70);
CREATE INDEX ix_ledger_months_month ON ledger_months (month);

CREATE TABLE ledger_marks (
    team_id varchar NOT NULL,
    number bigint NOT NULL,
    CONSTRAINT pk_ledger_marks PRIMARY KEY (team_id)
);

CREATE TABLE drift_reports (
    id varchar NOT NULL,
    provider varchar NOT NULL,
    day date NOT NULL,
    created_at timestamptz NOT NULL,
    jobs_compared integer NOT NULL,
    ours_usd numeric(30, 12) NOT NULL,
    theirs_usd numeric(30, 12),
    drifts jsonb NOT NULL,
    CONSTRAINT pk_drift_reports PRIMARY KEY (id),
    CONSTRAINT uq_drift_reports_provider_day UNIQUE (provider, day)
);

CREATE TABLE closed_months (
    month date NOT NULL,
    closed_at timestamptz NOT NULL,
    CONSTRAINT pk_closed_months PRIMARY KEY (month)
);

CREATE TABLE archived_months (
    month date NOT NULL,
    archived_at timestamptz NOT NULL,
    storage_key varchar NOT NULL,
    sha256 varchar NOT NULL,
    size_bytes bigint NOT NULL,
    entries bigint NOT NULL,
    amount_usd numeric(30, 12) NOT NULL,
    CONSTRAINT pk_archived_months PRIMARY KEY (month)
);

CREATE TABLE cost_reviews (
    id varchar NOT NULL,
    team_id varchar NOT NULL,
    number bigint NOT NULL,
    state varchar NOT NULL,
    reason varchar NOT NULL,
    claimed numeric,
    bound numeric,
    created_at timestamptz NOT NULL,
    resolution varchar,
    note varchar,
    adjusted_usd numeric(30, 12),
    resolved_by varchar,
    resolved_at timestamptz,
    CONSTRAINT pk_cost_reviews PRIMARY KEY (id),
    CONSTRAINT uq_cost_reviews_team_id_number UNIQUE (team_id, number),
    CONSTRAINT ck_cost_reviews_state_known CHECK (state IN ('uncertain', 'implausible', 'above_budget')),
    CONSTRAINT ck_cost_reviews_resolution_known CHECK (resolution IN ('accepted', 'adjusted'))
);
CREATE INDEX ix_cost_reviews_waiting ON cost_reviews (created_at, id) WHERE resolution IS NULL;

CREATE TABLE cost_adjustments (
    id varchar NOT NULL,
    team_id varchar NOT NULL,
    number bigint NOT NULL,
    reason varchar NOT NULL,
    created_by varchar NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_cost_adjustments PRIMARY KEY (id)
);
CREATE INDEX ix_cost_adjustments_team_id_created_at_id ON cost_adjustments (team_id, created_at, id);

CREATE TABLE shared_cost_rules (
    id varchar NOT NULL,
    name varchar NOT NULL,
    amount_usd numeric(18, 6) NOT NULL,
    per varchar NOT NULL,
    by varchar NOT NULL,
    provider varchar,
    base_model varchar,
    model varchar,
    default_team_id varchar NOT NULL,
    effective_from timestamptz NOT NULL,
    ended_at timestamptz,
    created_by varchar NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_shared_cost_rules PRIMARY KEY (id),
    CONSTRAINT fk_shared_cost_rules_default_team_id_teams FOREIGN KEY (default_team_id) REFERENCES teams (id),
    CONSTRAINT ck_shared_cost_rules_amount_positive CHECK (amount_usd > 0),
    CONSTRAINT ck_shared_cost_rules_per_known CHECK (per IN ('hour', 'month')),
    CONSTRAINT ck_shared_cost_rules_by_known CHECK (by IN ('tokens', 'requests', 'hours', 'cost'))
);

CREATE TABLE shared_cost_months (
    rule_id varchar NOT NULL,
    month date NOT NULL,
    amount_usd numeric(30, 12) NOT NULL,
    shares jsonb NOT NULL,
    booked_at timestamptz NOT NULL,
    CONSTRAINT pk_shared_cost_months PRIMARY KEY (rule_id, month),
    CONSTRAINT fk_shared_cost_months_rule_id_shared_cost_rules FOREIGN KEY (rule_id) REFERENCES shared_cost_rules (id)
);
