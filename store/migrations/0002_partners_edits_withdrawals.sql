-- Rows get partners, edits and questions; people annotate clips and withdraw what they gave.
-- A row says what it asks as canonical JSON (`question`): rows with the same question can balance each other,
-- whatever the wording of their instructions. Whether a row has a partner is no longer a column but a view.

DROP VIEW present_row;

CREATE TEMP TABLE earlier_row AS SELECT * FROM benchmark_row;
DROP TABLE benchmark_row;

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
    question VARCHAR NOT NULL,
    role VARCHAR NOT NULL,             -- flagged, extra, partner
    needs_partner BOOLEAN NOT NULL,
    partner_of VARCHAR NOT NULL,       -- id of the row whose question it asks of another clip, or empty
    rights_by VARCHAR NOT NULL,        -- private: whose statement of rights the row's audio travels under
    made_at VARCHAR NOT NULL
);

-- Before, a flag's rows had ids that count up from 0: the first asks about what was flagged.
INSERT INTO benchmark_row
SELECT earlier_row.id, flag_id, clip_id, task, file, instruction, label, start, stop,
    CASE flag.kind
        WHEN 'object_existence' THEN json_object('sound',
            lower(CASE WHEN label = 'no' THEN claim ELSE correction END))
        WHEN 'temporal_order' THEN json_object(
            'first', lower(CASE WHEN label = 'no' THEN claim ELSE correction END),
            'second', lower(CASE WHEN label = 'no' THEN correction ELSE claim END))
        WHEN 'object_attribute' THEN json_object('attribute', lower(attribute),
            'holder', lower(CASE WHEN label = 'no' THEN claim ELSE correction END))
        ELSE json_object('one', least(lower(claim), lower(correction)), 'other', greatest(lower(claim), lower(correction)))
    END,
    CASE WHEN earlier_row.id LIKE '%00' THEN 'flagged' ELSE 'extra' END,
    flag.kind <> 'speech_content',
    '',
    flag.contributor,
    earlier_row.made_at
FROM earlier_row JOIN flag ON flag.id = earlier_row.flag_id;

DROP TABLE earlier_row;

CREATE TABLE row_edit (
    id VARCHAR PRIMARY KEY,
    row_id VARCHAR NOT NULL,
    instruction VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    retired BOOLEAN NOT NULL,          -- true: the row is taken out, and an edit can put it back
    reason VARCHAR NOT NULL,           -- private
    contributor VARCHAR NOT NULL,      -- private
    made_at VARCHAR NOT NULL
);

CREATE TABLE annotation (
    id VARCHAR PRIMARY KEY,
    clip_id VARCHAR NOT NULL,
    question VARCHAR NOT NULL,         -- as in benchmark_row
    answer VARCHAR NOT NULL,           -- the label that is right for this clip
    start DOUBLE NOT NULL,
    stop DOUBLE NOT NULL,
    contributor VARCHAR NOT NULL,      -- private
    made_at VARCHAR NOT NULL,
    row_id VARCHAR NOT NULL DEFAULT '' -- the partner row that rests on it, or empty
);

CREATE TABLE withdrawal (
    id VARCHAR PRIMARY KEY,
    clip_id VARCHAR NOT NULL,
    public_id VARCHAR NOT NULL,        -- of the clip: what was exported under it is found when the clip is gone
    scope VARCHAR NOT NULL,            -- clip: erased for all; contribution: what this contributor gave
    owner VARCHAR NOT NULL,            -- what they had stated: mine, third-party, or empty for nothing
    contributor VARCHAR NOT NULL,      -- private
    made_at VARCHAR NOT NULL
);

-- What was said last of a row holds.
CREATE VIEW present_edit AS
SELECT * FROM row_edit
QUALIFY row_number() OVER (PARTITION BY row_id ORDER BY made_at DESC, id DESC) = 1;

-- Rows that balance each other, both ways round; a row that is taken out balances none.
CREATE VIEW pair AS
WITH standing AS (
    SELECT id, partner_of FROM benchmark_row
    ANTI JOIN (SELECT row_id FROM present_edit WHERE retired) AS gone ON gone.row_id = benchmark_row.id
), asked AS (
    SELECT original.id AS original, partner.id AS partner
    FROM standing AS partner JOIN standing AS original ON original.id = partner.partner_of
    WHERE partner.partner_of <> ''
)
SELECT original AS row_id, partner AS partner_id FROM asked
UNION ALL
SELECT partner, original FROM asked;

-- One line for each row with what is filtered, counted and grouped by.
CREATE VIEW present_row AS
SELECT
    benchmark_row.id,
    benchmark_row.task,
    benchmark_row.file,
    coalesce(present_edit.instruction, benchmark_row.instruction) AS instruction,
    coalesce(present_edit.label, benchmark_row.label) AS label,
    benchmark_row.stop - benchmark_row.start AS seconds,
    benchmark_row.question,
    benchmark_row.role,
    benchmark_row.partner_of,
    CASE
        WHEN coalesce(present_edit.retired, false) THEN 'taken_out'
        WHEN paired.row_id IS NOT NULL THEN 'paired'
        WHEN benchmark_row.needs_partner THEN 'unpaired'
        ELSE 'complete'
    END AS state,
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
    ON present_rights.clip_id = benchmark_row.clip_id AND present_rights.contributor = benchmark_row.rights_by
LEFT JOIN present_edit ON present_edit.row_id = benchmark_row.id
LEFT JOIN (SELECT DISTINCT row_id FROM pair) AS paired ON paired.row_id = benchmark_row.id;
