-- People say which of two answers to the same question is more faithful to the sound.

CREATE TABLE vote (
    id VARCHAR PRIMARY KEY,
    left_observation_id VARCHAR NOT NULL,  -- the answer that stood on the left
    right_observation_id VARCHAR NOT NULL,
    choice VARCHAR NOT NULL,               -- left, right, both, neither
    blind BOOLEAN NOT NULL,                -- the person could not know which setting had given which answer
    contributor VARCHAR NOT NULL,          -- private
    made_at VARCHAR NOT NULL
);

-- Both sides of each vote: what was voted on, how it was set, and how it came off.
CREATE VIEW vote_side AS
WITH side AS (
    SELECT id AS vote_id, left_observation_id AS observation_id, blind,
        CASE choice WHEN 'left' THEN 'won' WHEN 'right' THEN 'lost' ELSE choice END AS outcome
    FROM vote
    UNION ALL
    SELECT id, right_observation_id, blind,
        CASE choice WHEN 'right' THEN 'won' WHEN 'left' THEN 'lost' ELSE choice END
    FROM vote
)
SELECT
    side.vote_id,
    side.observation_id,
    side.blind,
    side.outcome,
    observation.model_id,
    CAST(json_extract(observation.record, '$.settings.lora_scaling') AS DOUBLE) AS lora_scaling,
    coalesce(CAST(json_extract(observation.record, '$.settings.beams') AS INTEGER), 1) AS beams,
    coalesce(CAST(json_extract(observation.record, '$.settings.over_silence') AS BOOLEAN), false) AS over_silence
FROM side JOIN observation ON observation.id = side.observation_id;

-- How often each setting of each model was found more faithful than another.
CREATE VIEW vote_standing AS
SELECT
    model_id,
    lora_scaling,
    beams,
    over_silence,
    count(*) FILTER (outcome = 'won') AS wins,
    count(*) FILTER (outcome = 'lost') AS losses,
    count(*) FILTER (outcome = 'both') AS both_faithful,
    count(*) FILTER (outcome = 'neither') AS neither_faithful,
    count(*) FILTER (blind) AS blind
FROM vote_side
GROUP BY model_id, lora_scaling, beams, over_silence;
