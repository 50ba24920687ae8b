-- What bots ask people for, who was told of reviews, and what is brought up to date after an upgrade.

-- What a bot waits for a code for: one thing in each talk. No code is ever kept.
CREATE TABLE telegram_questions (
    bot_id bigint NOT NULL,
    telegram_id bigint NOT NULL,
    -- Which factor the code is of.
    factor text NOT NULL,
    -- The token of the sign-in that waits for it, sealed; null where the talk has its session.
    sign_in bytea,
    -- What is done once the code was right: a text, or what stood on a button of that message.
    deed text NOT NULL,
    message_id bigint,
    expires_at bigint NOT NULL,
    PRIMARY KEY (bot_id, telegram_id)
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX telegram_questions_expires_at ON telegram_questions (expires_at);

-- One row: administrators were told of everybody who had to be reviewed until then.
CREATE TABLE access_review_notices (
    id bigint PRIMARY KEY,
    told_until bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

INSERT INTO access_review_notices (id, told_until) VALUES (1, 0);

-- What the server brings up to date by itself, page by page.
CREATE TABLE backfills (
    name text PRIMARY KEY,
    -- The last key that was done.
    position bigint NOT NULL,
    -- The second round is for what programs of the version before wrote during the first.
    rounds_left bigint NOT NULL,
    due_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

-- The words by which people are found, for those whom Telegram has names for.
INSERT INTO backfills (name, position, rounds_left, due_at) VALUES ('telegram_words', 0, 2, 0);
