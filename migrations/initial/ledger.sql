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
    CONSTRAINT pk_accounts PRIMARY KEY (id),
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
    told_at timestamptz NOT NULL,
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

CREATE TABLE ledger_entries (
    team_id varchar NOT NULL,
    number bigint NOT NULL,
    unique_key varchar NOT NULL,
    subject_id varchar NOT NULL,
    kind varchar NOT NULL,
    quantity numeric(24, 6) NOT NULL,
    unit varchar NOT NULL,
    unit_quantity integer NOT NULL,
    price_usd numeric(18, 6) NOT NULL,
    price_id varchar,
    tier varchar NOT NULL,
    amount_usd numeric(30, 12) NOT NULL,
    key_id varchar,
    job_id varchar,
    model varchar,
    base_model varchar,
    provider varchar,
    method varchar,
    tags jsonb NOT NULL,
    corrects bigint,
    reason varchar,
    occurred_at timestamptz NOT NULL,
    booked_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    state varchar,
    in_month_budget boolean NOT NULL DEFAULT true,
    department_id varchar,
    cost_center varchar,
    CONSTRAINT pk_ledger_entries PRIMARY KEY (team_id, number),
    CONSTRAINT uq_ledger_entries_unique_key UNIQUE (unique_key),
    CONSTRAINT ck_ledger_entries_state_known CHECK (state IN ('uncertain', 'implausible', 'above_budget')),
    CONSTRAINT ck_ledger_entries_amount_exact CHECK (amount_usd * unit_quantity = quantity * price_usd),
    CONSTRAINT ck_ledger_entries_only_corrections_negative CHECK (quantity >= 0 OR corrects IS NOT NULL OR kind = 'adjustment')
);
CREATE INDEX ix_ledger_entries_job_id ON ledger_entries (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX ix_ledger_entries_team_id_booked_at ON ledger_entries (team_id, booked_at);
CREATE INDEX ix_ledger_entries_team_id_corrects ON ledger_entries (team_id, corrects) WHERE corrects IS NOT NULL;

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
