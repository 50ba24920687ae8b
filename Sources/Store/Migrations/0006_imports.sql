-- Who somebody was in the system that they come from.

ALTER TABLE users ADD COLUMN external_id text;
