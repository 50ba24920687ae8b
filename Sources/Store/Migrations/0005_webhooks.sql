-- Messages that leave the server, and the webhooks that some of them go to.

-- A row is written in the transaction of what it tells of. Whoever sends it claims it first: next_attempt_at is then
-- when the claim ends, and claim says whose it is.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    -- Messages of one lane, such as one webhook, do not hold up those of another.
    lane text /*postgres: COLLATE "C" */ NOT NULL,
    -- By what the receiver knows the message: sent again, it has the same.
    message_id uuid NOT NULL,
    topic text NOT NULL,
    payload text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dead')),
    attempts bigint NOT NULL DEFAULT 0,
    created_at bigint NOT NULL,
    next_attempt_at bigint NOT NULL,
    claim uuid,
    last_attempt_at bigint,
    last_status bigint,
    last_duration bigint,
    last_error text,
    finished_at bigint
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX outbox_due ON outbox (lane, next_attempt_at) WHERE state = 'pending';
CREATE INDEX outbox_lane ON outbox (lane, id);
CREATE INDEX outbox_finished_at ON outbox (finished_at) WHERE finished_at IS NOT NULL;

-- A webhook hears of what happens in one company, or everywhere where company_id is null. The secrets are sealed.
CREATE TABLE webhooks (
    id uuid PRIMARY KEY,
    company_id uuid REFERENCES companies (id),
    url text NOT NULL,
    -- Names and patterns of events, separated by spaces.
    events text NOT NULL,
    description text NOT NULL,
    enabled bigint NOT NULL,
    disabled_reason text,
    secret bytea NOT NULL,
    former_secret bytea,
    former_until bigint,
    -- Since when nothing but failures.
    failing_since bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX webhooks_company ON webhooks (company_id, id);
