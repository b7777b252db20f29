-- Every table is append-only: what changes is said by a new row, and the present state is a view.
-- Columns are named as the fields of store/records.py. Instants are ISO 8601 text in UTC with microseconds, which
-- sorts by time; records are JSON text. No foreign keys: DuckDB checks them eagerly, which would forbid erasing a
-- clip together with all that names it; one transaction writes all, and `python -m store verify` checks them.

CREATE TABLE clip (
    id VARCHAR PRIMARY KEY,            -- private
    public_id VARCHAR NOT NULL UNIQUE,
    rate INTEGER NOT NULL,
    channels INTEGER NOT NULL,
    frames BIGINT NOT NULL,
    name VARCHAR NOT NULL,             -- private
    kept_at VARCHAR NOT NULL
);

CREATE TABLE rights (
    clip_id VARCHAR NOT NULL,
    owner VARCHAR NOT NULL,
    licence VARCHAR NOT NULL,
    attribution VARCHAR NOT NULL,
    speaker_agrees BOOLEAN NOT NULL,
    contributor VARCHAR NOT NULL,      -- private
    stated_at VARCHAR NOT NULL,
    PRIMARY KEY (clip_id, contributor, stated_at)
);

CREATE TABLE observation (
    id VARCHAR PRIMARY KEY,
    clip_id VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    model_id VARCHAR NOT NULL,
    model_revision VARCHAR NOT NULL,
    instruction VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    made_at VARCHAR NOT NULL,
    record VARCHAR NOT NULL            -- the whole observation, JSON
);

CREATE TABLE flag (
    id VARCHAR PRIMARY KEY,
    observation_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    span_start INTEGER NOT NULL,
    span_stop INTEGER NOT NULL,
    span_text VARCHAR NOT NULL,
    claim VARCHAR NOT NULL,
    correction VARCHAR NOT NULL,
    time_start DOUBLE,
    time_stop DOUBLE,
    confidence VARCHAR NOT NULL,
    contributor VARCHAR NOT NULL,      -- private
    note VARCHAR NOT NULL,             -- private
    attribute VARCHAR NOT NULL,
    made_at VARCHAR NOT NULL
);

CREATE TABLE benchmark_row (
    id VARCHAR PRIMARY KEY,
    flag_id VARCHAR NOT NULL,
    clip_id VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    file VARCHAR NOT NULL UNIQUE,
    instruction VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    start DOUBLE NOT NULL,
    stop DOUBLE NOT NULL,
    paired BOOLEAN NOT NULL,
    made_at VARCHAR NOT NULL
);

-- What a contributor says last of a clip holds.
CREATE VIEW present_rights AS
SELECT * FROM rights
QUALIFY row_number() OVER (PARTITION BY clip_id, contributor ORDER BY stated_at DESC) = 1;

-- One line for each row with what is filtered, counted and grouped by.
CREATE VIEW present_row AS
SELECT
    benchmark_row.id,
    benchmark_row.task,
    benchmark_row.file,
    benchmark_row.instruction,
    benchmark_row.label,
    benchmark_row.stop - benchmark_row.start AS seconds,
    benchmark_row.paired,
    benchmark_row.made_at,
    benchmark_row.flag_id,
    benchmark_row.clip_id,
    clip.public_id,
    flag.kind,
    flag.claim,
    flag.correction,
    flag.span_text,
    flag.contributor,
    flag.observation_id,
    observation.system,
    observation.model_id,
    observation.text,
    present_rights.licence
FROM benchmark_row
JOIN flag ON flag.id = benchmark_row.flag_id
JOIN observation ON observation.id = flag.observation_id
JOIN clip ON clip.id = benchmark_row.clip_id
JOIN present_rights
    ON present_rights.clip_id = benchmark_row.clip_id AND present_rights.contributor = flag.contributor;
