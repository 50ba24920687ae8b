-- The members of a company in the order in which they are listed. SQLite has that order in memberships_company as it
-- is: its entries end in the key of the table.

/*postgres: CREATE INDEX IF NOT EXISTS memberships_company_user ON memberships (company_id, user_id) */
/*sqlite: SELECT 1 */;
