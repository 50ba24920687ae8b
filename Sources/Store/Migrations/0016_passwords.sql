-- Hashes of the passwords that people had before, so that they do not choose them again. Only with PASSWORD_HISTORY.

CREATE TABLE password_history (
    -- A program that knows nothing of this table erases people too.
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- In the order in which others took their place.
    id uuid NOT NULL,
    password_hash text NOT NULL,
    PRIMARY KEY (user_id, id)
) /*sqlite: WITHOUT ROWID */;
