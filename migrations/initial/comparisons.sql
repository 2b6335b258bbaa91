CREATE TABLE comparisons (
    id varchar NOT NULL,
    team_id varchar NOT NULL,
    key_id varchar NOT NULL,
    file_id varchar NOT NULL,
    models varchar[] NOT NULL,
    grader varchar NOT NULL,
    judge_model varchar,
    prompts integer NOT NULL,
    seed integer NOT NULL,
    max_output_tokens integer NOT NULL,
    temperature double precision,
    prompt_hold_usd numeric(30, 12) NOT NULL,
    status varchar NOT NULL,
    error varchar,
    migration_id varchar,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT pk_comparisons PRIMARY KEY (id),
    CONSTRAINT fk_comparisons_file_id_files FOREIGN KEY (file_id) REFERENCES files (id),
    CONSTRAINT fk_comparisons_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);
CREATE INDEX ix_comparisons_team_id_created_at_id ON comparisons (team_id, created_at, id);

CREATE TABLE comparison_prompts (
    comparison_id varchar NOT NULL,
    line integer NOT NULL,
    messages jsonb,
    expected varchar,
    failures integer NOT NULL,
    verdict varchar,
    CONSTRAINT pk_comparison_prompts PRIMARY KEY (comparison_id, line),
    CONSTRAINT fk_comparison_prompts_comparison_id_comparisons FOREIGN KEY (comparison_id) REFERENCES comparisons (id)
);

CREATE TABLE comparison_answers (
    comparison_id varchar NOT NULL,
    line integer NOT NULL,
    role varchar NOT NULL,
    text varchar,
    error varchar,
    score double precision,
    input_tokens integer NOT NULL,
    output_tokens integer NOT NULL,
    cost_usd numeric(30, 12) NOT NULL,
    latency_ms integer NOT NULL,
    answered_at timestamptz NOT NULL,
    CONSTRAINT pk_comparison_answers PRIMARY KEY (comparison_id, line, role),
    CONSTRAINT fk_comparison_answers_comparison_id_line_comparison_prompts FOREIGN KEY (comparison_id, line) REFERENCES comparison_prompts (comparison_id, line)
);
