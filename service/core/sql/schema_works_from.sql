-- The oldest version of the code, by its newest revision, that works with this schema. A migration that older code
-- cannot work with raises it to its own revision; all others leave it, so that the version before can be started again.
CREATE OR REPLACE FUNCTION schema_works_from() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '0001'::text $$;
