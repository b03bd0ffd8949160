-- Version 6: whether the ledger may be worked with, as JSON; NULL where it may. One that has moved says where it went,
-- and from then on a trigger on each table refuses every change, also to programs that saw the ledger open.
ALTER TABLE ledger ADD COLUMN standing text;

CREATE FUNCTION ledger_is_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'PR001', MESSAGE = (SELECT coalesce(standing, '') FROM ledger);
END $$;
