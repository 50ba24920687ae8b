-- Requests for access, access that ends by itself, and its review from time to time.

CREATE TABLE access_requests (
    id uuid PRIMARY KEY,
    -- Who asks, as Telegram knows them, and through which bot.
    telegram_id bigint NOT NULL,
    bot_id bigint NOT NULL,
    -- For which company; null: for none.
    company_id uuid REFERENCES companies (id),
    -- Who asks for what. Null once it is over, so that the next may be made.
    open_key text,
    first_name text NOT NULL,
    last_name text,
    username text,
    language text,
    status text NOT NULL,
    reason text,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    decided_at bigint,
    decided_by uuid,
    -- Whose account it has become.
    user_id uuid
) /*sqlite: WITHOUT ROWID */;

CREATE UNIQUE INDEX access_requests_open_key ON access_requests (open_key);
CREATE INDEX access_requests_status ON access_requests (status, id);
CREATE INDEX access_requests_company ON access_requests (company_id, id);
CREATE INDEX access_requests_telegram_id ON access_requests (telegram_id);
CREATE INDEX access_requests_user ON access_requests (user_id) WHERE user_id IS NOT NULL;

-- Messages of bots that are changed once what they ask is answered.
CREATE TABLE telegram_cards (
    id uuid PRIMARY KEY,
    about uuid NOT NULL,
    bot_id bigint NOT NULL,
    chat_id bigint NOT NULL,
    language text,
    -- Telegram's number of the message; null until it is sent.
    message_id bigint
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX telegram_cards_about ON telegram_cards (about);

-- From when on the person's access is over; null: never.
ALTER TABLE users ADD COLUMN access_ends_at bigint;
-- Of which end administrators were told.
ALTER TABLE users ADD COLUMN access_end_told bigint;
-- When an administrator last confirmed that the person still needs access.
ALTER TABLE users ADD COLUMN access_reviewed_at bigint;

CREATE INDEX users_access_ends_at ON users (access_ends_at) WHERE access_ends_at IS NOT NULL;
CREATE INDEX users_access_review ON users (COALESCE(access_reviewed_at, created_at), id);
