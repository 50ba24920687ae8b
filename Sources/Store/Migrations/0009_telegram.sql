-- Bots, the people who come in through Telegram, and who brought whom.

-- Bots beside the one that TELEGRAM_BOT_TOKEN names. What is secret is sealed.
CREATE TABLE telegram_bots (
    -- As Telegram knows it: the first part of its token.
    id bigint PRIMARY KEY,
    name text NOT NULL,
    username text NOT NULL,
    -- Whoever comes in through it belongs to this company; null: to none.
    company_id uuid REFERENCES companies (id),
    token bytea NOT NULL,
    -- Of the client of OpenID Connect that the bot is, where it is one.
    client_secret bytea,
    -- Names of doors, separated by spaces.
    doors text NOT NULL,
    auto_creates bigint NOT NULL,
    is_enabled bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX telegram_bots_company ON telegram_bots (company_id);

-- One for each person of Telegram, whichever door they came through.
CREATE TABLE telegram_identities (
    telegram_id bigint PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    first_name text NOT NULL,
    last_name text,
    username text,
    photo_url text,
    language text,
    -- What OpenID Connect calls the person; never what an account is found by.
    subject text,
    linked_at bigint NOT NULL,
    updated_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE UNIQUE INDEX telegram_identities_user_id ON telegram_identities (user_id);
CREATE INDEX telegram_identities_username ON telegram_identities (lower(username)) WHERE username IS NOT NULL;

-- What Telegram has signed and somebody has signed in with: each once, for as long as it would be fresh.
CREATE TABLE telegram_proofs (
    digest bytea PRIMARY KEY,
    expires_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX telegram_proofs_expires_at ON telegram_proofs (expires_at);

-- Whom a bot may write to: people who have begun a talk with it. With or without an account.
CREATE TABLE telegram_chats (
    bot_id bigint NOT NULL,
    telegram_id bigint NOT NULL,
    language text,
    is_blocked bigint NOT NULL DEFAULT 0,
    updated_at bigint NOT NULL,
    PRIMARY KEY (bot_id, telegram_id)
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX telegram_chats_telegram_id ON telegram_chats (telegram_id);

-- By what people bring others in.
CREATE TABLE referral_codes (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    code text NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE UNIQUE INDEX referral_codes_code ON referral_codes (code);

-- Who brought whom: told once, when the account is made.
CREATE TABLE referrals (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    inviter_id uuid NOT NULL REFERENCES users (id),
    created_at bigint NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE INDEX referrals_inviter ON referrals (inviter_id, user_id);
