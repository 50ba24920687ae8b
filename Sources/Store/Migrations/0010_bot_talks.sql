-- What bots hear and whom they know.

-- Updates of Telegram, each of which is handled once.
CREATE TABLE telegram_updates (
    bot_id bigint NOT NULL,
    update_id bigint NOT NULL,
    -- Whoever handles it has it until then.
    claimed_until bigint NOT NULL,
    done_at bigint,
    PRIMARY KEY (bot_id, update_id)
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX telegram_updates_claimed_until ON telegram_updates (claimed_until);

-- The session of a person who talks with a bot.
CREATE TABLE telegram_talks (
    bot_id bigint NOT NULL,
    telegram_id bigint NOT NULL,
    session_id uuid NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (bot_id, telegram_id)
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX telegram_talks_expires_at ON telegram_talks (expires_at);

-- One-time codes that people sign in with elsewhere: one a person.
CREATE TABLE telegram_codes (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    -- The part of the code by which it is found.
    locator text NOT NULL,
    digest bytea NOT NULL,
    bot_id bigint NOT NULL,
    telegram_id bigint NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    expires_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE UNIQUE INDEX telegram_codes_locator ON telegram_codes (locator);
CREATE INDEX telegram_codes_expires_at ON telegram_codes (expires_at);

-- By which the next message of each chat is found.
CREATE INDEX outbox_topic ON outbox (lane, topic, id) WHERE state = 'pending';
