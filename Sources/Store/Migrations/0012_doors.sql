-- Sign-ins that a page has begun and somebody confirms in a bot. They live for minutes.

CREATE TABLE telegram_sign_ins (
    id uuid PRIMARY KEY,
    -- Of what stands in the link.
    code_hash bytea NOT NULL,
    -- Of what the page keeps.
    secret_hash bytea NOT NULL,
    bot_id bigint NOT NULL,
    -- The number that the page shows, and the numbers that the bot asks among.
    match_number bigint NOT NULL,
    choices text NOT NULL,
    -- Where the page is open, for whoever is asked.
    address text NOT NULL,
    user_agent text NOT NULL,
    -- Who has opened the link: nobody else is asked.
    telegram_id bigint,
    state bigint NOT NULL DEFAULT 0,
    -- Who has confirmed, as Telegram describes them.
    person text,
    expires_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE UNIQUE INDEX telegram_sign_ins_code_hash ON telegram_sign_ins (code_hash);
CREATE UNIQUE INDEX telegram_sign_ins_secret_hash ON telegram_sign_ins (secret_hash);
CREATE INDEX telegram_sign_ins_expires_at ON telegram_sign_ins (expires_at);
